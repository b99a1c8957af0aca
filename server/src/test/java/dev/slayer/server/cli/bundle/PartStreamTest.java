package dev.slayer.server.cli.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PartStreamTest {
    @TempDir
    Path folder;

    @Test
    void partsAreFullTheirSumsAreRightAndJoinedTheyAreWhatWasWritten() throws Exception {
        byte[] content = new byte[10_500];
        new Random(1).nextBytes(content);
        PartStream stream = new PartStream(folder, "x", 1000);
        try (stream) {
            stream.write(content[0]);
            stream.write(content, 1, 999); // ends a part exactly
            stream.write(content, 1000, 7000);
            stream.write(content, 8000, 2500);
        }
        assertThat(stream.parts()).extracting(Checksum::file).hasSize(11).startsWith("x.part-000", "x.part-001");
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (Checksum part : stream.parts()) {
            byte[] bytes = Files.readAllBytes(folder.resolve(part.file()));
            joined.write(bytes);
            assertThat(part.sha256())
                    .isEqualTo(HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)));
            assertThat(bytes.length).isEqualTo(part.file().equals("x.part-010") ? 500 : 1000);
        }
        assertThat(joined.toByteArray()).isEqualTo(content);
    }

    @Test
    void morePartsThanNamesThatSortAreRefused() throws IOException {
        try (PartStream stream = new PartStream(folder, "x", 1)) {
            stream.write(new byte[PartStream.MAX_PARTS], 0, PartStream.MAX_PARTS);
            assertThatThrownBy(() -> stream.write(1))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("--split 1B makes more than 1000 parts");
        }
    }
}
