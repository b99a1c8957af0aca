package dev.slayer.surgery.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

class SafetensorsPropertiesTest {
    private static Path file;

    @BeforeContainer
    static void makeFile() throws IOException {
        file = Files.createTempFile("properties", ".safetensors");
    }

    @AfterContainer
    static void deleteFile() throws IOException {
        Files.delete(file);
    }

    /** What to write, less its place and data. */
    record Sketch(String name, String dtype, List<Long> shape) {}

    @Provide
    Arbitrary<List<Sketch>> tensors() {
        Arbitrary<String> names =
                Arbitraries.strings().ofMinLength(1).ofMaxLength(12).filter(SafetensorsPropertiesTest::isText);
        Arbitrary<String> types = Arbitraries.of("F32", "F16", "BF16");
        Arbitrary<List<Long>> shapes = Arbitraries.longs().between(0, 5).list().ofMaxSize(4);
        return Combinators.combine(names, types, shapes)
                .as(Sketch::new)
                .list()
                .uniqueElements(Sketch::name)
                .ofMaxSize(8);
    }

    /** UTF-8 has no half surrogates. */
    private static boolean isText(String name) {
        return !name.equals("__metadata__") && name.codePoints().noneMatch(c -> c >= 0xD800 && c <= 0xDFFF);
    }

    @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
    void whatIsWrittenIsRead(@ForAll("tensors") List<Sketch> tensors, @ForAll long seed) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        Random random = new Random(seed);
        byte[][] contents = tensors.stream()
                .map(one -> TinyCheckpoint.values(random, one.dtype(), one.shape()))
                .toArray(byte[][]::new);
        for (int i = 0; i < contents.length; i++) {
            Sketch one = tensors.get(i);
            writer.add(one.name(), one.dtype(), one.shape(), contents[i]);
        }
        writer.write(file);
        try (Arena arena = Arena.ofConfined()) {
            Shard shard = Shard.open(file, file, arena);
            assertThat(shard.header().entries()).hasSize(contents.length);
            for (int i = 0; i < contents.length; i++) {
                SafetensorsHeader.Entry entry =
                        shard.header().entries().get(tensors.get(i).name());
                assertThat(entry.dtype()).isEqualTo(tensors.get(i).dtype());
                assertThat(entry.shape()).isEqualTo(tensors.get(i).shape());
                assertThat(shard.data(entry).toArray(ValueLayout.JAVA_BYTE)).isEqualTo(contents[i]);
            }
        }
    }

    @Property(tries = 300)
    void noBytesDoMoreThanBeRefused(@ForAll @Size(max = 200) byte[] bytes) throws IOException {
        Files.write(file, bytes);
        assertRefusedOrRead();
    }

    @Property(tries = 300)
    void noHeaderDoesMoreThanBeRefused(@ForAll("scraps") List<String> scraps, @ForAll @Size(max = 16) byte[] data)
            throws IOException {
        Files.write(file, SafetensorsWriter.bytes("{" + String.join("", scraps) + "}", data));
        assertRefusedOrRead();
    }

    /** Pieces that headers are made of, so that many a random row of them gets past the first checks. */
    @Provide
    Arbitrary<List<String>> scraps() {
        return Arbitraries.of(Arrays.asList(
                        "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
                        "\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[4,5]}",
                        "\"__metadata__\":{\"a\":\"b\"}",
                        "\"dtype\":\"F16\"",
                        "\"shape\":[2]",
                        "\"data_offsets\":[0,4]",
                        "\"c\":",
                        "{",
                        "}",
                        "[",
                        "]",
                        ",",
                        "-1",
                        "9223372036854775807",
                        "1e999",
                        "null",
                        "\"\\ud800\"",
                        "\u0000"))
                .list()
                .ofMaxSize(12);
    }

    private static void assertRefusedOrRead() {
        assertThatCode(() -> {
                    try (Arena arena = Arena.ofConfined()) {
                        Shard.open(file, file, arena);
                    } catch (CheckpointException e) {
                        assertThat(e.getMessage()).startsWith(file + ": ").doesNotContain("\n");
                    }
                })
                .doesNotThrowAnyException();
    }
}
