package dev.slayer.server.cli.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingFileTest {
    @TempDir
    Path folder;

    @Test
    void scalarsAndListsAreRead() throws IOException {
        SettingFile file = read("""
                # a comment
                port: 9000
                dtype: int8
                drain-timeout: 5s
                api-key: [one, two]
                cors-origin: "*"
                """);
        assertThat(file.values())
                .isEqualTo(Map.of(
                        "port", List.of("9000"),
                        "dtype", List.of("int8"),
                        "drain-timeout", List.of("5s"),
                        "api-key", List.of("one", "two"),
                        "cors-origin", List.of("*")));
    }

    @Test
    void anEmptyFileSetsNothing() throws IOException {
        assertThat(read("").values()).isEmpty();
        assertThat(read("# nothing\n").values()).isEmpty();
    }

    @Test
    void anUnknownKeyIsRefusedWithTheNearestName() {
        refused("max-sequence: 3\n", "'max-sequence'; did you mean 'max-sequences'?");
        refused("maxBody: 3\n", "'maxBody'; did you mean 'max-body'?");
        refused("kv_memory: 3\n", "'kv_memory'; did you mean 'kv-memory'?");
        refused("completely-different-thing: 3\n", "./slayer serve --help");
    }

    @Test
    void whatIsNoMappingOfSettingsIsRefused() {
        refused("- port\n", "no mapping");
        refused("just text", "no mapping");
        refused("port: {number: 1}\n", "'port'; expected one value");
        refused("port: [1, 2]\n", "'port'; expected one value");
        refused("port:\n", "'port'");
        refused("api-key: [[a]]\n", "'api-key'");
        refused("port: 1\nport: 2\n", "no valid YAML");
        refused("port: [1\n", "no valid YAML at line");
    }

    @Test
    void aFileThatIsNotThereOrEndlessIsRefused() throws IOException {
        assertThatThrownBy(() -> SettingFile.read(folder.resolve("missing.yaml"), ServeSettings.ALL))
                .isInstanceOf(SlayerException.class)
                .hasMessageEndingWith("missing.yaml does not exist.");
        Path huge = Files.writeString(folder.resolve("huge.yaml"), "# " + "x".repeat(2 << 20));
        assertThatThrownBy(() -> SettingFile.read(huge, ServeSettings.ALL)).hasMessageContaining("1 MiB");
    }

    private SettingFile read(String yaml) throws IOException {
        return SettingFile.read(Files.writeString(folder.resolve("slayer.yaml"), yaml), ServeSettings.ALL);
    }

    private void refused(String yaml, String part) {
        assertThatThrownBy(() -> read(yaml))
                .as(yaml)
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("slayer.yaml")
                .hasMessageContaining(part);
    }
}
