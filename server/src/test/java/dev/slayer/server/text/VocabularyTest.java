package dev.slayer.server.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VocabularyTest {
    private static TokenTable load(String name) throws IOException {
        Path file = Golden.checkpoint(name).resolve("tokenizer.json");
        return TokenizerFile.vocabulary(file, Files.readAllBytes(file));
    }

    @ParameterizedTest
    @CsvSource({
        "slayer-tiny, 2048, false",
        "random-llama2, 640, true",
        "random-llama3, 768, false",
        "random-mistral, 640, true"
    })
    void hasTheSizeAndTheLeadingSpaceRuleOfItsFile(String name, int size, boolean dropsSpace) throws IOException {
        Vocabulary vocabulary = load(name);
        assertThat(vocabulary.size())
                .isEqualTo(size)
                .isEqualTo(Golden.read("tokenizer." + name + ".json")
                        .get("vocabulary")
                        .intValue());
        assertThat(vocabulary.dropsLeadingSpace()).isEqualTo(dropsSpace);
    }

    @Test
    void sentencePieceEntriesBecomeTextAndBytes() throws IOException {
        TokenTable vocabulary = load("random-llama2");
        int space = vocabulary.id("\u2581").orElseThrow();
        assertThat(vocabulary.bytes(space)).isEqualTo(new byte[] {' '});
        assertThat(vocabulary.piece(space)).isEqualTo("\u2581");
        assertThat(vocabulary.fallbackByte(space)).isFalse();
        int newline = vocabulary.id("<0x0A>").orElseThrow();
        assertThat(vocabulary.bytes(newline)).isEqualTo(new byte[] {'\n'});
        assertThat(vocabulary.fallbackByte(newline)).isTrue();
        int bos = vocabulary.id("<s>").orElseThrow();
        assertThat(vocabulary.special(bos)).isTrue();
        assertThat(vocabulary.special(newline)).isFalse();
    }

    @Test
    void byteLevelEntriesBecomeBytes() throws IOException {
        TokenTable vocabulary = load("random-llama3");
        assertThat(vocabulary.bytes(vocabulary.id("\u0120t").orElseThrow()))
                .isEqualTo(" t".getBytes(StandardCharsets.UTF_8));
        assertThat(vocabulary.bytes(vocabulary.id("\u00e2").orElseThrow())).isEqualTo(new byte[] {(byte) 0xE2});
        assertThat(vocabulary.bytes(vocabulary.id("\u010a").orElseThrow())).isEqualTo(new byte[] {'\n'});
        int end = vocabulary.id("<|eot_id|>").orElseThrow();
        assertThat(vocabulary.special(end)).isTrue();
        assertThat(vocabulary.bytes(end)).isEqualTo("<|eot_id|>".getBytes(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @CsvSource({"WordPiece, WordPiece", "Metaspace, Metaspace", "CTC, CTC"})
    void unknownDecodersAreRefusedByName(String type, String named) throws IOException {
        assertThatThrownBy(() -> withDecoder("{\"type\": \"" + type + "\"}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("decoder '" + named + "'");
    }

    @Test
    void unknownStepsAndForgottenOnesAreRefused() {
        assertThatThrownBy(() -> withDecoder("{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"}]}"))
                .hasMessageContaining("must end with Fuse");
        assertThatThrownBy(() -> withDecoder("{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"},"
                        + "{\"type\": \"Strip\", \"content\": \" \", \"start\": 2, \"stop\": 0}]}"))
                .hasMessageContaining("Strip of anything but one leading space");
        assertThatThrownBy(() -> withDecoder("null")).hasMessageContaining("has no decoder");
    }

    private static Vocabulary withDecoder(String decoder) throws IOException {
        Path file = Golden.checkpoint("random-llama2").resolve("tokenizer.json");
        ObjectNode tokenizer = (ObjectNode) Golden.JSON.readTree(file.toFile());
        tokenizer.set("decoder", Golden.JSON.readTree(decoder));
        return TokenizerFile.vocabulary(file, Golden.JSON.writeValueAsBytes(tokenizer));
    }

    @Test
    void aTokenIsShownAsTextOrAsItsBytes() throws IOException {
        TokenTable vocabulary = load("random-llama3");
        assertThat(TokenText.of(vocabulary, vocabulary.id("\u0120t").orElseThrow())
                        .text())
                .isEqualTo(" t");
        TokenText part = TokenText.of(vocabulary, vocabulary.id("\u00e2").orElseThrow());
        assertThat(part.text()).isEqualTo("bytes:\\xE2");
        assertThat(part.bytes()).isEqualTo(new byte[] {(byte) 0xE2});
    }
}
