package dev.slayer.surgery.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigEditTest {
    @TempDir
    private Path folder;

    private String edited(String text, int depth) throws IOException {
        return ConfigEdit.withDepth(Files.writeString(folder.resolve("config.json"), text), depth);
    }

    @Test
    void everyOtherCharacterStays() throws IOException {
        String before =
                "{ \"a\\u00e9\" : 1e-05,\n\t\"rope\":{\"num_hidden_layers\": 9, \"x\":[1,[2]]},\"num_hidden_layers\"  :  12 ,\"z\":\"é\"}\n";
        assertThat(edited(before, 5)).isEqualTo(before.replace("  12 ", "  5 "));
    }

    @Test
    void layerTypesGetTheNewLength() throws IOException {
        assertThat(edited(
                        "{\"layer_types\": [\"full_attention\",\n \"full_attention\"], \"num_hidden_layers\":2,\"q\":0}",
                        3))
                .isEqualTo(
                        "{\"layer_types\": [\"full_attention\", \"full_attention\", \"full_attention\"], \"num_hidden_layers\":3,\"q\":0}");
        assertThat(edited("{\"num_hidden_layers\":2, \"layer_types\": []}", 3))
                .isEqualTo("{\"num_hidden_layers\":3, \"layer_types\": []}");
    }

    @Test
    void otherListsAboutLayersAreRefusedByName() {
        assertThatThrownBy(() -> edited("{\"num_hidden_layers\":2, \"no_rope_layers\": [0, 1]}", 3))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("no_rope_layers");
    }

    @Test
    void whatIsNoConfigIsRefused() {
        for (String text :
                new String[] {"{}", "[]", "{\"num_hidden_layers\":", "{\"num_hidden_layers\":1,\"a\":1,\"a\":2}"}) {
            assertThatThrownBy(() -> edited(text, 3)).as(text).isInstanceOf(CheckpointException.class);
        }
    }
}
