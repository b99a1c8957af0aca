package dev.slayer.surgery.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.CheckpointException;
import dev.slayer.surgery.checkpoint.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A delta may come from anybody: whatever is wrong with it, it is refused in a sentence that names the file. */
class CorruptDeltasTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path root;

    private DeltaRig rig;
    private Path delta;

    @BeforeEach
    void write() {
        rig = new DeltaRig("random-mistral");
        delta = root.resolve("d");
        DeltaInfo info = rig.info("0-2", Set.of(1), Optional.of(DeltaRig.alpha(4)));
        rig.writer().write(delta, info, rig.block(1), DType.BF16);
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private void refused(String... parts) {
        assertThatThrownBy(() -> rig.open(delta).close())
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(delta.toString())
                .hasMessageContainingAll(parts);
    }

    private void edited(Consumer<ObjectNode> edit, String... parts) throws IOException {
        Path file = delta.resolve(DeltaInfo.FILE);
        byte[] good = Files.readAllBytes(file);
        ObjectNode root = (ObjectNode) JSON.readTree(good);
        edit.accept(root);
        Files.write(file, JSON.writeValueAsBytes(root));
        refused(parts);
        Files.write(file, good);
        rig.open(delta).close();
    }

    @Test
    void everyKeyIsChecked() throws IOException {
        edited(json -> json.put("format", "other"), "'format'", "slayer-delta");
        edited(json -> json.put("version", 2), "'version' is 2", "reads 1");
        edited(json -> json.remove("layout"), "'layout' must be a string");
        edited(json -> json.put("layout", "0-99"), "'layout' does not fit the base", "0-2");
        edited(json -> json.put("layout", "0,".repeat(40_000)), "'layout'");
        edited(json -> json.put("layout", "0-1,nobody:2"), "there is no checkpoint 'nobody'");
        edited(json -> json.putArray("trained").add(1).add(1), "'trained' must hold numbers of slots, each once");
        edited(json -> json.putArray("trained").add(-1), "'trained'");
        edited(json -> json.putArray("trained").add(1e300), "'trained'");
        edited(json -> json.putArray("trained").add(0), "holds tensors of slots [1]", "[0]");
        edited(json -> json.putObject("lora").put("alpha", "much"), "'lora.alpha' must be a number");
        edited(json -> json.putObject("lora").put("alpha", 1).put("rank", 0), "'lora.rank'");
        edited(json -> json.putArray("base"), "'base' must be an object");
        edited(json -> json.putObject("base").put("name", 7), "'base.name' must be a string");
        edited(json -> object(json).put("seed", 0.5), "'provenance.seed' must be a whole number");
        edited(json -> object(json).put("tokens", -1), "'provenance.tokens'");
        edited(json -> object(json).put("created", "yesterday"), "'provenance.created' is no time");
        edited(json -> object(json).putObject("data"), "'provenance.data' must be a list");
        edited(json -> object(json).putArray("data").add(7), "'provenance.data.name'");
    }

    private static ObjectNode object(JsonNode json) {
        return (ObjectNode) json.get("provenance");
    }

    @Test
    void textThatIsNoDescriptionIsRefused() throws IOException {
        Path file = delta.resolve(DeltaInfo.FILE);
        for (String text : new String[] {"", "[]", "{", "null", "{\"format\":1,\"format\":1}", "[".repeat(100_000)}) {
            Files.writeString(file, text);
            refused(DeltaInfo.FILE);
        }
        Files.delete(file);
        refused("there is no such file");
    }

    @Test
    void aCutOffOrMissingOrStrangeFileOfWeightsIsRefused() throws IOException {
        Path file = delta.resolve(Delta.WEIGHTS);
        byte[] good = Files.readAllBytes(file);
        Random random = new Random(3);
        for (int i = 0; i < 30; i++) {
            byte[] cut = Arrays.copyOf(good, random.nextInt(good.length));
            Files.write(file, cut);
            refused(Delta.WEIGHTS);
        }
        Files.delete(file);
        refused("there is no such file");
        Files.createDirectory(file);
        refused("is no regular file");
    }

    @Test
    void aFlippedBitInTheHeaderIsRefusedOrChangesNothingThatMatters() throws IOException {
        Path file = delta.resolve(Delta.WEIGHTS);
        byte[] good = Files.readAllBytes(file);
        int header = (Byte.toUnsignedInt(good[0]) | (Byte.toUnsignedInt(good[1]) << 8)) + 8;
        Random random = new Random(5);
        int refusals = 0;
        for (int i = 0; i < 200; i++) {
            byte[] bad = good.clone();
            bad[random.nextInt(header)] ^= (byte) (1 << random.nextInt(8));
            Files.write(file, bad);
            try (Delta accepted = rig.open(delta)) {
                assertThat(accepted.names()).hasSize(9);
            } catch (SlayerException e) {
                refusals++;
                assertThat(e).isInstanceOf(CheckpointException.class).hasMessageContaining(Delta.WEIGHTS);
            }
        }
        assertThat(refusals).isGreaterThan(100);
    }

    @Test
    void aLinkOutOfTheFolderIsNotFollowed() throws IOException {
        for (String name : new String[] {DeltaInfo.FILE, Delta.WEIGHTS}) {
            Path file = delta.resolve(name);
            Path outside = root.resolve("outside-" + name);
            Files.move(file, outside);
            Files.createSymbolicLink(file, outside);
            refused("is a link that leaves the directory");
            Files.delete(file);
            Files.move(outside, file);
        }
        rig.open(delta).close();
    }
}
