package dev.slayer.surgery.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Gates;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointExportTest {
    private static final String MIXED = "0-attn,avg(0:1:b:2),b:1*0.5,zero(1),avg0(0:2),avg(1:2)*0.7,2-mlp";

    @TempDir
    private Path folder;

    private final Shared sources = new Shared();

    @AfterEach
    void close() {
        sources.close();
    }

    private CheckpointExport to(Path target, long shardBytes) {
        return new CheckpointExport(target, shardBytes, "random-llama2", "Slayer test");
    }

    private List<String> left() {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(path -> path.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 20_000, 100_000, 1L << 40})
    void anExportHasTheTensorsOfTheRecipesAtAnyShardSize(long shardBytes) {
        Layout layout = sources.layout(MIXED);
        Path target = folder.resolve("made");
        CheckpointExport.Written written = to(target, shardBytes).write(sources.base(), layout, sources, (_, _) -> {});
        assertThat(written.layers()).isEqualTo(7);
        try (Checkpoint made = Checkpoint.open(target);
                Arena arena = Arena.ofConfined()) {
            assertThat(made.config().layers()).isEqualTo(7);
            assertThat(made.extras()).isEmpty();
            assertThat(made.bytes()).isEqualTo(written.bytes());
            for (String name : List.of(TensorNames.EMBEDDING, TensorNames.FINAL_NORM, TensorNames.HEAD)) {
                requireSame(made.tensor(name), sources.base().tensor(name));
            }
            for (int slot = 0; slot < layout.depth(); slot++) {
                for (LayerTensor tensor : LayerTensor.values()) {
                    Slot from = layout.slots().get(slot);
                    requireSame(
                            made.tensor(tensor.name(slot)),
                            RecipeTensors.make(from.recipe(), tensor, scale(from.gates(), tensor), sources, arena));
                }
            }
        }
        assertThat(left()).containsExactly("made");
    }

    private static float scale(Gates gates, LayerTensor tensor) {
        if (tensor == LayerTensor.ATTENTION_OUTPUT) {
            return gates.attentionScale();
        }
        return tensor == LayerTensor.DOWN ? gates.mlpScale() : 1;
    }

    private static void requireSame(Tensor made, Tensor expected) {
        assertThat(made.dtype()).as(made.name()).isEqualTo(expected.dtype());
        assertThat(made.shape()).as(made.name()).isEqualTo(expected.shape());
        assertThat(made.data().mismatch(expected.data())).as(made.name()).isEqualTo(-1);
    }

    @Test
    void shardsStayUnderTheirSizeAreAlignedAndNumbered() throws IOException {
        Path target = folder.resolve("made");
        CheckpointExport.Written written =
                to(target, 50_000).write(sources.base(), sources.layout("0-2"), sources, (_, _) -> {});
        assertThat(written.files()).isGreaterThan(3);
        for (int shard = 1; shard <= written.files(); shard++) {
            Path file = target.resolve("model-%05d-of-%05d.safetensors".formatted(shard, written.files()));
            ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
            long header = bytes.getLong(0);
            assertThat(header % 8).isZero();
            // The embedding alone is larger than a shard.
            assertThat(bytes.capacity() - 8 - header).isBetween(1L, 640L * 64 * 2);
        }
        assertThat(target.resolve("model.safetensors")).doesNotExist();
    }

    @Test
    void filesBesideTheWeightsComeAlongAndOnlyTheDepthChanges() throws IOException {
        Path target = folder.resolve("made");
        to(target, 1L << 40).write(sources.base(), sources.layout("0-2,1"), sources, (_, _) -> {});
        Path base = Shared.directory("random-llama2");
        assertThat(Files.readString(target.resolve("config.json")))
                .isEqualTo(Files.readString(base.resolve("config.json"))
                        .replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4"));
        for (String name : List.of("generation_config.json", "tokenizer.json", "tokenizer_config.json")) {
            assertThat(target.resolve(name)).hasSameBinaryContentAs(base.resolve(name));
        }
        assertThat(target.resolve("slayer-layout.json"))
                .content()
                .contains("\"0-2,1\"", "random-llama2", "Slayer test");
        assertThat(target.resolve("config.transformers4.json")).doesNotExist();
    }

    @Test
    void aTiedModelStaysTied() {
        try (Checkpoint base = Checkpoint.open(Shared.directory("random-llama3"))) {
            Path target = folder.resolve("made");
            to(target, 1L << 40).write(base, Layout.identity(2), _ -> base, (_, _) -> {});
            try (Checkpoint made = Checkpoint.open(target)) {
                assertThat(made.names()).doesNotContain(TensorNames.HEAD);
                assertThat(made.config().tiedEmbeddings()).isTrue();
            }
        }
    }

    @Test
    void progressRisesToTheWhole() {
        List<Long> seen = new ArrayList<>();
        CheckpointExport.Written written = to(folder.resolve("made"), 100_000)
                .write(sources.base(), sources.layout("0-1"), sources, (done, of) -> {
                    assertThat(done).isLessThanOrEqualTo(of);
                    seen.add(done);
                });
        assertThat(seen).isSorted().doesNotHaveDuplicates().last().isEqualTo(written.bytes());
    }

    @Test
    void anEmptyFolderIsFilledAndAnythingElseIsRefused() throws IOException {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        to(empty, 1L << 40).write(sources.base(), sources.layout("0"), sources, (_, _) -> {});
        assertThat(empty.resolve("model.safetensors")).exists();
        Path file = Files.writeString(folder.resolve("file"), "kept");
        Path link =
                Files.createSymbolicLink(folder.resolve("link"), Files.createDirectory(folder.resolve("elsewhere")));
        for (Path taken : List.of(empty, file, link)) {
            assertThatThrownBy(
                            () -> to(taken, 1L << 40).write(sources.base(), sources.layout("0"), sources, (_, _) -> {}))
                    .isInstanceOfSatisfying(
                            SlayerException.class, e -> assertThat(e.status()).isEqualTo(400))
                    .hasMessageContaining(taken.toString());
        }
        assertThat(file).hasContent("kept");
        assertThat(left()).containsExactly("elsewhere", "empty", "file", "link");
    }

    @Test
    void aParentThatIsMissingOrNoFolderIsRefused() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "kept");
        for (Path target : List.of(folder.resolve("no/made"), file.resolve("made"))) {
            assertThatThrownBy(() ->
                            to(target, 1L << 40).write(sources.base(), sources.layout("0"), sources, (_, _) -> {}))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("does not exist");
        }
    }

    @Test
    void aFailureInTheMiddleLeavesNothing() {
        List<Path> written = new ArrayList<>();
        LayerSource failing = name -> {
            written.clear();
            written.addAll(weightFiles());
            if (written.size() > 3) {
                throw SlayerException.internal("the disk of '" + name + "' is gone", null);
            }
            return sources.checkpoint(name);
        };
        assertThatThrownBy(() -> to(folder.resolve("made"), 20_000)
                        .write(sources.base(), sources.layout("0,avg(0:1),avg(1:2),b:2"), failing, (_, _) -> {}))
                .hasMessageContaining("is gone");
        assertThat(written).hasSize(4);
        assertThat(left()).isEmpty();
    }

    private List<Path> weightFiles() {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".safetensors"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aFolderThatCannotBeWrittenToIsRefused() {
        // Permissions do not stop an administrator, a file system without new files does.
        Path unwritable = Path.of("/proc");
        Assumptions.assumeTrue(Files.isDirectory(unwritable), "this system has no /proc");
        assertThatThrownBy(() -> to(unwritable.resolve("made"), 1L << 40)
                        .write(sources.base(), sources.layout("0"), sources, (_, _) -> {}))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(400))
                .hasMessageContaining("/proc cannot be written to");
    }

    @Test
    void anInterruptInTheMiddleLeavesNothing() {
        List<String> during = new ArrayList<>();
        assertThatThrownBy(() -> to(folder.resolve("made"), 20_000)
                        .write(sources.base(), sources.layout("0-2"), sources, (done, of) -> {
                            if (done > of / 2) {
                                during.addAll(left());
                                Thread.currentThread().interrupt();
                            }
                        }))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.code()).isEqualTo("export_interrupted"));
        assertThat(Thread.interrupted()).isTrue();
        assertThat(during).singleElement().asString().startsWith(".slayer-export-");
        assertThat(left()).isEmpty();
    }

    @Test
    void aTargetThatAppearsMeanwhileIsNotOverwritten() {
        Path target = folder.resolve("made");
        assertThatThrownBy(() -> to(target, 1L << 40)
                        .write(sources.base(), sources.layout("0-2"), sources, (done, of) -> {
                            if (done == of) {
                                write(target);
                            }
                        }))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("failed");
        assertThat(left()).containsExactly("made");
        assertThat(target.resolve("somebody")).hasContent("was here");
    }

    private static void write(Path target) {
        try {
            Files.createDirectories(target);
            Files.writeString(target.resolve("somebody"), "was here");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void lackOfSpaceNamesBothNumbers() {
        assertThatThrownBy(() -> to(folder.resolve("made"), 1).requireSpace(1001, 1000))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(507))
                .hasMessageContaining("needs 1001 bytes")
                .hasMessageContaining("1000");
    }
}
