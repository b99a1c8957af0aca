package dev.slayer.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ParameterCounts;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.golden.GoldenLayouts;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunCheckTest {
    private static RunCheck.Memory memory(Checkpoint base, String rest) {
        return RunCheck.memory(
                TrainingRecipe.parse("data: {sources: [a.jsonl], length: 32}\n" + rest), base, Namespace.BASE_ONLY);
    }

    @Test
    void theEstimateCountsWhatIsTrainedFourTimesInFloat32() {
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            ParameterCounts counts = base.config().parameters();
            RunCheck.Memory slot = memory(base, "method: {slots: '1'}");
            assertThat(slot.parameters()).isEqualTo(counts.layer());
            assertThat(slot.weights()).isEqualTo(4 * counts.layer());
            assertThat(slot.gradients()).isEqualTo(4 * counts.layer());
            assertThat(slot.moments()).isEqualTo(8 * counts.layer());
            assertThat(slot.total()).isGreaterThan(16 * counts.layer());
            assertThat(memory(base, "method: {name: full}").parameters()).isEqualTo(counts.total());
            assertThat(memory(base, "method: {name: lora, rank: 2}").parameters())
                    .isPositive()
                    .isLessThan(counts.layer());
        }
    }

    @Test
    void activationsGrowWithRowsAndLessWhereTheyAreComputedAgain() {
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            long one = memory(base, "optimizer: {batch: 8, micro_batch: 1}\nmethod: {name: full}")
                    .activations();
            long eight = memory(base, "optimizer: {batch: 8, micro_batch: 8}\nmethod: {name: full}")
                    .activations();
            long again = memory(
                            base, "optimizer: {batch: 8, micro_batch: 8}\nmethod: {name: full}\nrun: {recompute: true}")
                    .activations();
            assertThat(eight).isEqualTo(8 * one);
            assertThat(again).isLessThan(eight);
        }
    }

    @Test
    void inBfloat16WhatIsTrainedStaysAndTheRestIsHalf() {
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            String full = "optimizer: {batch: 8, micro_batch: 8}\nmethod: {name: full}\n";
            RunCheck.Memory wide = memory(base, full);
            RunCheck.Memory narrow = memory(base, full + "run: {precision: bfloat16}");
            assertThat(narrow.moments()).isEqualTo(wide.moments());
            assertThat(narrow.weights()).isEqualTo(wide.weights());
            assertThat(narrow.activations() - 2 * narrow.parameters()).isLessThan(wide.activations());
            RunCheck.Memory device = memory(base, full + "run: {device: cuda}");
            assertThat(device.activations()).isEqualTo(narrow.activations());
            assertThat(device.frozen()).isPositive();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "method: {slots: '99'}",
                "method: {slots: none}",
                "method: {name: dancing}",
                "layout: 0-99",
                "method: {slots: inserted}",
                "optimizer: {batch: 65536}\nmethod: {slots: '1'}\nrun: {steps: 1}\nlayout: preset=nothing"
            })
    void whatDoesNotFitTheModelIsRefused(String recipe) {
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            assertThatThrownBy(() -> memory(base, recipe))
                    .isInstanceOfSatisfying(
                            SlayerException.class,
                            refused -> assertThat(refused.status()).isEqualTo(400));
        }
    }
}
