package dev.slayer.server.cli.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SettingValuesTest {
    private static final Path HERE = Path.of("/here");
    private static final Setting<Integer> PORT = HttpSettings.PORT;

    @Test
    void theCommandLineWinsOverTheEnvironmentOverTheFileOverTheDefault() {
        Map<String, List<String>> option = Map.of("port", List.of("1"));
        Map<String, String> variable = Map.of("SLAYER_PORT", "2");
        Optional<SettingFile> file = file(Map.of("port", List.of("3")));
        assertThat(new SettingValues(option, variable, file, HERE).one(PORT)).isEqualTo(1);
        assertThat(new SettingValues(Map.of(), variable, file, HERE).one(PORT)).isEqualTo(2);
        assertThat(new SettingValues(Map.of(), Map.of(), file, HERE).one(PORT)).isEqualTo(3);
        assertThat(new SettingValues(Map.of(), Map.of(), Optional.empty(), HERE).one(PORT))
                .isEqualTo(8000);
    }

    @Test
    void anEmptyVariableIsNotSet() {
        assertThat(new SettingValues(Map.of(), Map.of("SLAYER_PORT", ""), Optional.empty(), HERE).one(PORT))
                .isEqualTo(8000);
    }

    @Test
    void aVariableHoldsSeveralValuesBetweenCommas() {
        SettingValues values =
                new SettingValues(Map.of(), Map.of("SLAYER_API_KEY", "one, two"), Optional.empty(), HERE);
        assertThat(values.all(HttpSettings.API_KEY)).containsExactly("one", "two");
    }

    @Test
    void relativePathsOfAFileStartAtTheFilesFolder() {
        SettingValues values = new SettingValues(Map.of(), Map.of(), file(Map.of("config", List.of("x.yaml"))), HERE);
        assertThat(values.optional(ServeSettings.CONFIG)).contains(Path.of("/etc/slayer/x.yaml"));
    }

    @Test
    void aBadValueIsRefusedWithThePlaceWhereItWasWritten() {
        refusal(new SettingValues(Map.of("port", List.of("x")), Map.of(), Optional.empty(), HERE), "--port: 'x'");
        refusal(
                new SettingValues(Map.of(), Map.of("SLAYER_PORT", "tcp://10.0.0.1:80"), Optional.empty(), HERE),
                "SLAYER_PORT: 'tcp://10.0.0.1:80'");
        refusal(
                new SettingValues(Map.of(), Map.of(), file(Map.of("port", List.of("70000"))), HERE),
                "port in /etc/slayer/slayer.yaml: '70000'");
    }

    @Test
    void aSingleSettingGivenTwiceIsRefused() {
        SettingValues values = new SettingValues(Map.of("port", List.of("1", "2")), Map.of(), Optional.empty(), HERE);
        assertThatThrownBy(() -> values.one(PORT))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("--port");
    }

    private static void refusal(SettingValues values, String beginning) {
        assertThatThrownBy(() -> values.one(PORT))
                .isInstanceOf(SlayerException.class)
                .hasMessageStartingWith(beginning)
                .hasMessageContaining("allowed: 0 to 65535");
    }

    private static Optional<SettingFile> file(Map<String, List<String>> values) {
        return Optional.of(new SettingFile(Path.of("/etc/slayer/slayer.yaml"), values));
    }
}
