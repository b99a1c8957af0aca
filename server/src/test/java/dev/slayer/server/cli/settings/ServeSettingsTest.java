package dev.slayer.server.cli.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.server.engine.block.WeightType;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServeSettingsTest {
    @TempDir
    Path folder;

    private Path embedded;

    @BeforeEach
    void makeModels() throws IOException {
        embedded = Files.createDirectories(folder.resolve("embedded"));
        Files.createDirectories(folder.resolve("models/llama-7b"));
        Files.createDirectories(folder.resolve("other/llama-7b"));
        Files.createDirectories(folder.resolve("with=sign"));
        Files.createDirectories(folder.resolve("white space"));
    }

    @Test
    void withoutAnySettingTheEmbeddedModelIsServedOnPort8000() {
        ServeSettings settings = from(Map.of());
        assertThat(settings.models()).containsExactly(new ModelSource("slayer-tiny", embedded));
        assertThat(settings.http().host()).isEqualTo("127.0.0.1");
        assertThat(settings.http().port()).isEqualTo(8000);
        assertThat(settings.http().maxBodyBytes()).isEqualTo(64L << 20);
        assertThat(settings.weightType()).isEqualTo(WeightType.FP32);
        assertThat(settings.threads()).isEqualTo(Runtime.getRuntime().availableProcessors());
        assertThat(settings.engine().maxSequences()).isEqualTo(64);
        assertThat(settings.engine().kvBytes()).isGreaterThan(1 << 20);
        assertThat(settings.drainTimeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(settings.logLevel()).isEqualTo(LogLevel.INFO);
    }

    @Test
    void everyDefaultIsReadableAndAllowed() {
        SettingValues nothing = new SettingValues(Map.of(), Map.of(), Optional.empty(), folder);
        for (Setting<?> setting : ServeSettings.ALL) {
            assertThat(nothing.all(setting)).as(setting.name()).hasSameSizeAs(setting.defaults());
        }
    }

    @Test
    void modelsAreNamedLikeTheirDirectoryUnlessNamed() {
        assertThat(from(Map.of("model", List.of("models/llama-7b", "big=other/llama-7b")))
                        .models())
                .containsExactly(
                        new ModelSource("llama-7b", folder.resolve("models/llama-7b")),
                        new ModelSource("big", folder.resolve("other/llama-7b")));
    }

    @Test
    void aDirectoryWithAnEqualsSignIsADirectory() {
        assertThat(from(Map.of("model", List.of("tiny=with=sign"))).models().getFirst())
                .isEqualTo(new ModelSource("tiny", folder.resolve("with=sign")));
        refused(Map.of("model", List.of("with=sign")), "name 'with=sign'");
    }

    @Test
    void modelsThatCannotBeServedAreRefused() {
        refused(Map.of("model", List.of("models/missing")), "missing is no directory");
        refused(Map.of("model", List.of("big=models/missing")), "missing is no directory");
        refused(Map.of("model", List.of("white space")), "name 'white space'");
        refused(Map.of("model", List.of("models/llama-7b", "other/llama-7b")), "two models have the name 'llama-7b'");
        refused(Map.of("model", List.of("a\0b")), "--model");
    }

    @Test
    void aMissingEmbeddedModelIsNamed() {
        SettingValues nothing = new SettingValues(Map.of(), Map.of(), Optional.empty(), folder);
        assertThatThrownBy(() -> ServeSettings.from(nothing, folder.resolve("gone")))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("gone")
                .hasMessageContaining("--model");
    }

    @Test
    void settingsThatContradictEachOtherAreRefused() {
        refused(
                Map.of("max-batch-tokens", List.of("10"), "max-sequences", List.of("20")),
                "--max-batch-tokens=10 is out of range; allowed: --max-sequences=20 or more");
        for (String type : List.of("fp8", "int8")) {
            refused(
                    Map.of("kv-dtype", List.of(type)),
                    "--kv-dtype=" + type + " is not there with --device cpu; allowed: auto.");
        }
    }

    @Test
    void aRecordMadeInCodeIsCheckedToo() {
        assertThatThrownBy(() -> new HttpSettings("127.0.0.1", -1, List.of(), List.of(), 1 << 20, 1))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("--port: '-1'");
    }

    private ServeSettings from(Map<String, List<String>> given) {
        return ServeSettings.from(new SettingValues(given, Map.of(), Optional.empty(), folder), embedded);
    }

    private void refused(Map<String, List<String>> given, String part) {
        assertThatThrownBy(() -> from(given))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining(part);
    }
}
