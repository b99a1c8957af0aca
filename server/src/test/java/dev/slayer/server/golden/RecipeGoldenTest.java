package dev.slayer.server.golden;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Recipes worked out with numpy and torch give the same tensors, bit for bit. */
class RecipeGoldenTest {
    @ParameterizedTest
    @MethodSource("dev.slayer.server.golden.GoldenLayouts#all")
    void tensorsOfDerivedBlocksEqualThoseOfTheReference(GoldenLayouts.Case golden) {
        Map<String, Checkpoint> open = new HashMap<>();
        try (Arena arena = Arena.ofShared()) {
            open.put("", Checkpoint.open(Golden.checkpoint(golden.checkpoint())));
            golden.others().forEach((name, folder) -> open.put(name, Checkpoint.open(Golden.checkpoint(folder))));
            Layout layout = Layout.parse(
                    golden.layout(),
                    open.get("").config(),
                    name -> Optional.ofNullable(open.get(name)).map(Checkpoint::config));
            assertThat(layout.text()).isEqualTo(golden.layout());
            Map<String, Map<String, String>> digests = new LinkedHashMap<>();
            for (Slot slot : layout.slots()) {
                if (slot.recipe().derived()) {
                    digests.put(slot.recipe().text(), digests(slot, open::get, arena));
                }
            }
            assertThat(digests).isEqualTo(golden.digests());
        } finally {
            open.values().forEach(Checkpoint::close);
        }
    }

    private static Map<String, String> digests(Slot slot, LayerSource sources, Arena arena) {
        Map<String, String> digests = new LinkedHashMap<>();
        for (LayerTensor tensor : LayerTensor.values()) {
            digests.put(tensor.suffix(), digest(RecipeTensors.make(slot.recipe(), tensor, sources, arena)));
        }
        return digests;
    }

    private static String digest(Tensor tensor) {
        try {
            byte[] hash =
                    MessageDigest.getInstance("SHA-256").digest(tensor.data().toArray(ValueLayout.JAVA_BYTE));
            return HexFormat.of().formatHex(hash, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void layoutsOfEveryCheckpointCoverEveryRecipeAndGate(String checkpoint) {
        TreeSet<String> seen = new TreeSet<>();
        assertThat(GoldenLayouts.of(checkpoint)).hasSize(12).allSatisfy(golden -> {
            for (String mark :
                    new String[] {"avg(", "zero(", "avg0(", "lerp(", "slerp(", "linear(", "task(", "ties(", "dare("}) {
                if (golden.digests().keySet().stream().anyMatch(recipe -> recipe.startsWith(mark))) {
                    seen.add(mark);
                }
            }
            for (String gate : new String[] {"-attn", "-mlp", "*0."}) {
                if (golden.layout().contains(gate)) {
                    seen.add(gate);
                }
            }
        });
        assertThat(seen)
                .containsExactlyInAnyOrder(
                        "avg(", "zero(", "avg0(", "lerp(", "slerp(", "linear(", "task(", "ties(", "dare(", "-attn",
                        "-mlp", "*0.");
    }

    static List<String> checkpoints() {
        return Golden.CHECKPOINTS;
    }
}
