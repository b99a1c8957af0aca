package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.SettingValues;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** On a GPU what nobody has set follows from the GPU's memory, and what somebody has set is taken as it is. */
class BudgetsTest {
    private static final long GIB = 1L << 30;

    private static ServeSettings settings(Map<String, String> environment) {
        return ServeSettings.from(
                new SettingValues(
                        Map.of(), environment, Optional.empty(), Path.of("").toAbsolutePath()),
                Path.of(System.getProperty("slayer.root"), "test-data", "slayer-tiny"));
    }

    @Test
    void whatNobodyHasSetFollowsFromTheDevice() {
        Budgets budgets = Budgets.ofDevice(settings(Map.of("SLAYER_DEVICE", "cuda")), 0, 80 * GIB);
        assertThat(budgets).isEqualTo(new Budgets(OptionalLong.empty(), 8 * GIB, 8 * GIB, 0, 256, 2048));
    }

    @Test
    void whatSomebodyHasSetIsTakenAsItIs() {
        Budgets budgets = Budgets.ofDevice(
                settings(Map.of(
                        "SLAYER_DEVICE", "cuda",
                        "SLAYER_KV_MEMORY", "3GiB",
                        "SLAYER_DERIVED_BLOCKS_MEMORY", "2GiB",
                        "SLAYER_PREFIX_CACHE_MEMORY", "0",
                        "SLAYER_MAX_SEQUENCES", "7",
                        "SLAYER_MAX_BATCH_TOKENS", "99")),
                0,
                80 * GIB);
        assertThat(budgets).isEqualTo(new Budgets(OptionalLong.of(3 * GIB), 2 * GIB, 0, 0, 7, 99));
    }

    @Test
    void moreSequencesThanRowsMakeMoreRows() {
        Map<String, String> many =
                Map.of("SLAYER_DEVICE", "cuda", "SLAYER_MAX_SEQUENCES", "5000", "SLAYER_MAX_BATCH_TOKENS", "5000");
        assertThat(Budgets.ofDevice(settings(many), 0, GIB).maxBatchTokens()).isEqualTo(5000);
        assertThat(Budgets.ofHost(settings(Map.of())).training()).isPositive();
    }

    @Test
    void jobsTakeAQuarterOfTheGpuThatTheyTrainOnAndNothingOfOthers() {
        ServeSettings usual = settings(Map.of("SLAYER_DEVICE", "cuda:0,1", "SLAYER_TRAINING_DEVICE", "cuda:1"));
        assertThat(Budgets.ofDevice(usual, 0, 80 * GIB).training()).isZero();
        assertThat(Budgets.ofDevice(usual, 1, 80 * GIB).training()).isEqualTo(20 * GIB);
        assertThat(Budgets.ofHost(usual).training()).isZero();
        ServeSettings given = settings(
                Map.of("SLAYER_DEVICE", "cuda", "SLAYER_TRAINING_DEVICE", "cuda", "SLAYER_TRAINING_MEMORY", "33GiB"));
        assertThat(Budgets.ofDevice(given, 0, 80 * GIB).training()).isEqualTo(33 * GIB);
    }

    @Test
    void aServerOnTheProcessorMayTrainOnAGpu() {
        ServeSettings apart = settings(Map.of("SLAYER_TRAINING_DEVICE", "cuda:1", "SLAYER_TRAINING_MEMORY", "7GiB"));
        assertThat(apart.jobs().device().name()).isEqualTo("cuda:1");
        assertThat(Budgets.ofHost(apart).training()).isZero();
        assertThat(Budgets.training(apart, 80 * GIB)).isEqualTo(7 * GIB);
        assertThat(settings(Map.of()).jobs().device().gpu()).isFalse();
    }
}
