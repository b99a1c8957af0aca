package dev.slayer.surgery.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
    @TempDir
    Path directory;

    @Test
    void aSingleFileGivesEveryTensorOfTheModel() throws IOException {
        TinyCheckpoint.single().write(directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThat(checkpoint.names())
                    .containsExactlyElementsOf(
                            TensorNames.needed(checkpoint.config()).keySet());
            assertThat(checkpoint.extras()).isEmpty();
            TensorNames.needed(checkpoint.config())
                    .forEach((name, shape) ->
                            assertThat(checkpoint.tensor(name).shape()).isEqualTo(shape));
        }
    }

    @Test
    void shardsGiveTheSameTensorsAsASingleFile() throws IOException {
        Path single = TinyCheckpoint.single().write(directory.resolve("single"));
        Path sharded = TinyCheckpoint.sharded(3).write(directory.resolve("sharded"));
        try (Checkpoint one = Checkpoint.open(single);
                Checkpoint many = Checkpoint.open(sharded)) {
            assertThat(many.names()).containsExactlyInAnyOrderElementsOf(one.names());
            assertThat(many.bytes()).isEqualTo(one.bytes());
            for (String name : one.names()) {
                assertThat(many.tensor(name).dtype()).isEqualTo(one.tensor(name).dtype());
                assertThat(many.tensor(name).data().mismatch(one.tensor(name).data()))
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void elementsOfEachTypeBecomeTheirFloat32() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.write(directory);
        byte[] data = tiny.model().data();
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            for (String name : checkpoint.names()) {
                Tensor tensor = checkpoint.tensor(name);
                int begin = tiny.model().entry(name).get("data_offsets").get(0).intValue();
                float[] values = new float[(int) tensor.elements()];
                tensor.toFloat32(0, MemorySegment.ofArray(values));
                for (int i = 0; i < values.length; i++) {
                    assertThat(values[i])
                            .as("%s[%d]", name, i)
                            .isEqualTo(element(data, begin + i * tensor.dtype().bytes(), tensor.dtype()));
                }
            }
        }
    }

    private static float element(byte[] data, int at, DType dtype) {
        int low = Byte.toUnsignedInt(data[at]) | Byte.toUnsignedInt(data[at + 1]) << 8;
        return switch (dtype) {
            case F32 -> ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).getFloat(at);
            case F16 -> Float.float16ToFloat((short) low);
            case BF16 -> Float.intBitsToFloat(low << 16);
        };
    }

    @Test
    void bytesAreTheSizesOfAllTensors() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.write(directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThat(checkpoint.bytes()).isEqualTo(tiny.model().data().length);
        }
    }

    @Test
    void parametersCountedFromTheConfigAreThoseInTheFiles() throws IOException {
        TinyCheckpoint.single().write(directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            long inFiles = checkpoint.names().stream()
                    .mapToLong(name -> checkpoint.tensor(name).elements())
                    .sum();
            ParameterCounts counts = checkpoint.config().parameters();
            assertThat(counts.total()).isEqualTo(inFiles);
            assertThat(counts).isEqualTo(new ParameterCounts(128, 496, 2 * 496, 8, 128));
        }
    }

    @Test
    void tensorsCannotBeWrittenTo() throws IOException {
        TinyCheckpoint.single().write(directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThat(checkpoint.tensor(TensorNames.EMBEDDING).data().isReadOnly())
                    .isTrue();
        }
    }

    @Test
    void aTiedModelNeedsNoHead() throws IOException {
        TinyCheckpoint tiny = withoutHead();
        tiny.config.put("tie_word_embeddings", true);
        tiny.write(directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThat(TensorNames.head(checkpoint.config())).isEqualTo(TensorNames.EMBEDDING);
            assertThat(checkpoint.config().parameters().head()).isZero();
        }
    }

    @Test
    void aMissingHeadNamesTheSettingThatWouldExcuseIt() throws IOException {
        withoutHead().write(directory);
        assertThatThrownBy(() -> Checkpoint.open(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("lacks tensor 'lm_head.weight'")
                .hasMessageContaining("tie_word_embeddings");
    }

    /** The head is the last tensor, so dropping entry and data leaves a sound file. */
    private static TinyCheckpoint withoutHead() {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        SafetensorsWriter cut = new SafetensorsWriter();
        copy(tiny, cut, TensorNames.HEAD);
        tiny.files.put("model.safetensors", cut);
        return tiny;
    }

    private static void copy(TinyCheckpoint from, SafetensorsWriter to, String except) {
        byte[] data = from.model().data();
        from.model().header.properties().forEach(entry -> {
            if (!entry.getKey().equals("__metadata__") && !entry.getKey().equals(except)) {
                List<Long> shape = new ArrayList<>();
                entry.getValue().get("shape").forEach(dimension -> shape.add(dimension.longValue()));
                int begin = entry.getValue().get("data_offsets").get(0).intValue();
                int end = entry.getValue().get("data_offsets").get(1).intValue();
                to.add(
                        entry.getKey(),
                        entry.getValue().get("dtype").textValue(),
                        shape,
                        Arrays.copyOfRange(data, begin, end));
            }
        });
    }

    @Test
    void aTiedModelMayStoreItsHeadAgainIfItIsTheEmbedding() throws IOException {
        TinyCheckpoint tiny = withoutHead();
        tiny.config.put("tie_word_embeddings", true);
        byte[] data = tiny.model().data();
        int end = tiny.model()
                .entry(TensorNames.EMBEDDING)
                .get("data_offsets")
                .get(1)
                .intValue();
        tiny.model().add("lm_head.weight", "F32", List.of(16L, 8L), Arrays.copyOf(data, end));
        tiny.write(directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThat(checkpoint.extras()).containsExactly("lm_head.weight");
        }
    }

    @Test
    void aTiedModelWithAHeadOfItsOwnIsRefused() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.config.put("tie_word_embeddings", true);
        tiny.write(directory);
        assertThatThrownBy(() -> Checkpoint.open(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("differs from the embedding");
    }

    @Test
    void rotaryBuffersAndTensorsOutsideTheDecoderAreExtras() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.model()
                .add("model.layers.1.self_attn.rotary_emb.inv_freq", "F32", List.of(2L), new byte[8])
                .add("training.step", "I64", List.of(), new byte[8]);
        tiny.write(directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThat(checkpoint.extras())
                    .containsExactly("model.layers.1.self_attn.rotary_emb.inv_freq", "training.step");
            assertThat(checkpoint.names()).containsAll(checkpoint.extras());
            assertThatThrownBy(() -> checkpoint.tensor("training.step"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("'training.step' has dtype I64");
        }
    }

    @Test
    void aBiasIsRefusedRatherThanIgnored() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.model().add("model.layers.0.self_attn.q_proj.bias", "F32", List.of(8L), new byte[32]);
        tiny.write(directory);
        assertThatThrownBy(() -> Checkpoint.open(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("model.safetensors: holds tensor 'model.layers.0.self_attn.q_proj.bias'");
    }

    @Test
    void layersBeyondTheConfigsAreRefusedByName() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.config.put("num_hidden_layers", 1);
        tiny.write(directory);
        assertThatThrownBy(() -> Checkpoint.open(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("'model.layers.1.input_layernorm.weight'")
                .hasMessageContaining("num_hidden_layers is 1");
    }

    @Test
    void missingTensorsAreNamedAndCounted() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.config.put("num_hidden_layers", 3);
        tiny.write(directory);
        assertThatThrownBy(() -> Checkpoint.open(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("lacks tensors 'model.layers.2.input_layernorm.weight', ")
                .hasMessageContaining("and 5 more");
    }

    @Test
    void aFileTruncatedAfterOpeningIsFoundAndNamed() throws IOException {
        Path file = TinyCheckpoint.single().write(directory).resolve("model.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThatCode(checkpoint::verifyUnchanged).doesNotThrowAnyException();
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(100);
            }
            assertThatThrownBy(checkpoint::verifyUnchanged)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageStartingWith(file + ": had ")
                    .hasMessageContaining("has 100 now");
        }
    }

    /** The tensor is larger than any page, so a part of it is gone however the system rounds. */
    @Test
    void readingATensorWhoseFileShrankIsAnExceptionAndNoCrash() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.model().add("large", "BF16", List.of(1L << 20), new byte[2 << 20]);
        Path file = tiny.write(directory).resolve("model.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Tensor tensor = checkpoint.tensor("large");
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(100);
            }
            assertThatThrownBy(() -> tensor.toFloat32(0, MemorySegment.ofArray(new float[1 << 20])))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("tensor 'large' cannot be read: its file became shorter");
        }
    }

    @Test
    void aReplacedFileIsFoundAndTheOldOneStaysReadable() throws IOException {
        Path file = TinyCheckpoint.single().write(directory).resolve("model.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            int before =
                    checkpoint.tensor(TensorNames.HEAD).data().asByteBuffer().hashCode();
            Path other = Files.write(directory.resolve("other"), new byte[] {1});
            Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
            assertThatThrownBy(checkpoint::verifyUnchanged).hasMessageStartingWith(file + ": ");
            assertThat(checkpoint.tensor(TensorNames.HEAD).data().asByteBuffer().hashCode())
                    .isEqualTo(before);
        }
    }

    @Test
    void tensorsOfAClosedCheckpointThrowAndClosingTwiceIsHarmless() throws IOException {
        TinyCheckpoint.single().write(directory);
        Checkpoint checkpoint = Checkpoint.open(directory);
        Tensor tensor = checkpoint.tensor(TensorNames.HEAD);
        checkpoint.close();
        checkpoint.close();
        assertThatThrownBy(() -> tensor.toFloat32(0, MemorySegment.ofArray(new float[1])))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void filesBesideTheWeightsAreFoundAndNoneOutside() throws IOException {
        Path model = TinyCheckpoint.single().write(directory.resolve("model"));
        Files.writeString(directory.resolve("secret.json"), "{}");
        Files.createSymbolicLink(model.resolve("link.json"), directory.resolve("secret.json"));
        Files.createSymbolicLink(model.resolve("inside.json"), Path.of("config.json"));
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            assertThat(checkpoint.file("config.json")).isPresent();
            assertThat(checkpoint.file("inside.json")).isPresent();
            assertThat(checkpoint.file("tokenizer.json")).isEmpty();
            for (String name : List.of("../secret.json", "..", "", "/etc/passwd", "a\0b", "link.json")) {
                assertThatThrownBy(() -> checkpoint.file(name))
                        .as(name)
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageStartingWith(model.toString());
            }
        }
    }

    @Test
    void linksOfAHubCacheAreFollowed() throws IOException {
        Path good = TinyCheckpoint.single().write(directory.resolve("good"));
        Path blobs = Files.createDirectories(directory.resolve("hub/blobs"));
        Path snapshot = Files.createDirectories(directory.resolve("hub/snapshots/0123abcd"));
        for (String name : List.of("config.json", "generation_config.json", "model.safetensors")) {
            Files.copy(good.resolve(name), blobs.resolve("hash-of-" + name));
            Files.createSymbolicLink(snapshot.resolve(name), Path.of("../../blobs/hash-of-" + name));
        }
        try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
            assertThat(checkpoint.directory()).isEqualTo(snapshot);
            assertThat(checkpoint.names()).hasSize(TinyCheckpoint.LAYERS * 9 + 3);
        }
    }
}
