package dev.slayer.surgery.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The rules of the file format, one by one. */
class SafetensorsTest {
    @TempDir
    Path directory;

    private SafetensorsHeader read(byte[] bytes) throws IOException {
        Path file = Files.write(directory.resolve("x.safetensors"), bytes);
        try (Arena arena = Arena.ofConfined()) {
            return Shard.open(file, file, arena).header();
        }
    }

    private SafetensorsHeader read(String header, int dataBytes) throws IOException {
        return read(SafetensorsWriter.bytes(header, new byte[dataBytes]));
    }

    private void assertRefused(String header, int dataBytes, String problem) {
        assertThatThrownBy(() -> read(header, dataBytes))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(directory.resolve("x.safetensors") + ": ")
                .hasMessageContaining(problem);
    }

    private static String tensor(String name, String dtype, String shape, long begin, long end) {
        return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                .formatted(name, dtype, shape, begin, end);
    }

    @Test
    void entriesComeInTheOrderOfTheirData() throws IOException {
        SafetensorsHeader header =
                read("{" + tensor("b", "F32", "[1]", 4, 8) + "," + tensor("a", "F16", "[2,1]", 0, 4) + "}   ", 8);
        assertThat(header.entries().keySet()).containsExactly("a", "b");
        assertThat(header.entries().get("a").shape()).isEqualTo(List.of(2L, 1L));
    }

    @Test
    void aFileWithoutTensorsIsSound() throws IOException {
        assertThat(read("{}", 0).entries()).isEmpty();
        assertThat(read("{\"__metadata__\":{\"a\":\"b\"}}", 0).entries()).isEmpty();
    }

    @Test
    void emptyTensorsAndScalarsAreSound() throws IOException {
        SafetensorsHeader header = read(
                "{" + tensor("scalar", "F32", "[]", 0, 4) + "," + tensor("empty", "F32", "[0,9]", 4, 4) + ","
                        + tensor("first", "BF16", "[0]", 0, 0) + "}",
                4);
        assertThat(header.entries().keySet()).containsExactly("first", "scalar", "empty");
    }

    @ParameterizedTest
    @CsvSource({"F4,2,1", "F6_E2M3,4,3", "F8_E4M3,1,1", "BOOL,1,1", "I16,1,2", "C64,1,8", "U64,1,8"})
    void everyTypeOfTheFormatIsMeasured(String dtype, int elements, int bytes) throws IOException {
        assertThat(read("{" + tensor("x", dtype, "[" + elements + "]", 0, bytes) + "}", bytes)
                        .entries())
                .containsKey("x");
        assertRefused("{" + tensor("x", dtype, "[" + elements + "]", 0, bytes + 1) + "}", bytes + 1, "needs " + bytes);
    }

    @Test
    void partsOfBytesAreRefused() {
        assertRefused("{" + tensor("x", "F4", "[3]", 0, 1) + "}", 1, "does not fill whole bytes");
    }

    @Test
    void anUnknownTypeIsRefusedByTensorAndName() {
        assertRefused("{" + tensor("x", "Q4_0", "[4]", 0, 4) + "}", 4, "tensor 'x' has dtype 'Q4_0'");
    }

    @Test
    void overlapsAndHolesAreRefused() {
        String a = tensor("a", "F32", "[2]", 0, 8);
        assertRefused("{" + a + "," + tensor("b", "F32", "[2]", 4, 12) + "}", 12, "overlaps tensor 'a'");
        assertRefused("{" + a + "," + tensor("b", "F32", "[2]", 12, 20) + "}", 20, "bytes 8 to 12 before tensor 'b'");
        assertRefused("{" + tensor("a", "F32", "[2]", 4, 12) + "}", 12, "bytes 0 to 4 before tensor 'a'");
        assertRefused("{" + a + "}", 9, "cover only 8");
        assertRefused("{" + a + "," + tensor("b", "F32", "[0]", 4, 4) + "}", 8, "overlaps");
    }

    @Test
    void offsetsOutsideTheFileAreRefused() {
        assertRefused("{" + tensor("a", "F32", "[2]", 0, 8) + "}", 4, "beyond the file's 4 bytes");
        assertRefused("{" + tensor("a", "F32", "[2]", 8, 0) + "}", 8, "before it begins");
        assertRefused("{" + tensor("a", "F32", "[2]", -8, 0) + "}", 8, "integer from 0");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"[4611686018427387904,4611686018427387904,0]", "[9223372036854775807]", "[4294967296,4294967296]"
            })
    void shapesThatOverflowAreRefused(String shape) {
        assertRefused("{" + tensor("a", "F32", shape, 0, 0) + "}", 0, "overflows");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[-1]",
                "[1.0]",
                "[\"1\"]",
                "[null]",
                "[[1]]",
                "[true]",
                "[9223372036854775808]",
                "1",
                "{}",
                "null"
            })
    void shapesThatAreNoNaturalNumbersAreRefused(String shape) {
        assertRefused("{" + tensor("a", "F32", shape, 0, 4) + "}", 4, "tensor 'a': shape");
    }

    @Test
    void duplicateNamesAndKeysAreRefused() {
        String a = tensor("a", "F32", "[1]", 0, 4);
        assertRefused("{" + a + "," + a + "}", 4, "Duplicate");
        assertRefused(
                "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "Duplicate");
        assertRefused("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "Duplicate");
        assertRefused("{" + a + "," + a.replace("\"a\"", "\"\\u0061\"") + "}", 4, "Duplicate");
    }

    @Test
    void aTensorHasExactlyThreeKeys() {
        assertRefused("{\"a\":{\"dtype\":\"F32\",\"shape\":[0]}}", 0, "lacks one of");
        assertRefused("{\"a\":{}}", 0, "lacks one of");
        assertRefused(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0],\"stride\":1}}", 0, "has 'stride'");
        assertRefused("{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0]}}", 0, "must be two numbers");
        assertRefused("{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0,0]}}", 0, "more than 2");
        assertRefused("{\"a\":[]}", 0, "should be a JSON object");
    }

    @Test
    void metadataMapsTextsToTexts() {
        assertRefused("{\"__metadata__\":{\"a\":1}}", 0, "'__metadata__' value should be a JSON string");
        assertRefused("{\"__metadata__\":null}", 0, "'__metadata__' should be a JSON object");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"[]", "1", "\"a\"", "null", " {}", "{} {}", "{}x", "{", "", "{\"a\"", "{\"a\":NaN}", "{'a':1}"})
    void aHeaderIsOneJsonObjectFromItsFirstByte(String header) {
        assertRefused(header, 0, "header");
    }

    @Test
    void aHeaderIsUtf8() {
        byte[] latin = "{\"__metadata__\":{\"a\":\"é\"}}".getBytes(StandardCharsets.ISO_8859_1);
        assertThatThrownBy(() -> read(SafetensorsWriter.bytes(latin.length, latin, new byte[0])))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("not valid UTF-8");
        byte[] wide = "{}".getBytes(StandardCharsets.UTF_16LE);
        assertThatThrownBy(() -> read(SafetensorsWriter.bytes(wide.length, wide, new byte[0])))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("not valid JSON");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000_001, 99_999_999, 3})
    void headerLengthsBeyondTheFileOrTheFormatAreRefused(long length) {
        assertThatThrownBy(() -> read(SafetensorsWriter.bytes(length, new byte[] {'{', '}'}, new byte[0])))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(Long.toUnsignedString(length));
    }

    @Test
    void filesTooShortForALengthAreRefused() {
        for (int size = 0; size < 8; size++) {
            byte[] bytes = new byte[size];
            assertThatThrownBy(() -> read(bytes))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("has " + size + " bytes");
        }
    }

    @Test
    void deepNestingAndLongNamesAreRefused() {
        assertRefused("{\"a\":" + "[".repeat(100_000), 0, "should be a JSON object");
        assertRefused("{\"__metadata__\":" + "{\"a\":".repeat(100_000), 0, "JSON");
        assertRefused("{\"" + "n".repeat(1_001) + "\":1}", 0, "not valid JSON");
    }

    @Test
    void namesThatWouldBreakAMessageAreShownOnOneLine() {
        assertThatThrownBy(() -> read("{\"a\\nb\\u0000\\u2028\":{}}", 0))
                .hasMessageContaining("tensor 'a\\u000ab\\u0000\\u2028' lacks");
    }

    @Test
    void messagesStayShortForLongNames() {
        assertThatThrownBy(() -> read("{\"" + "\\u0001".repeat(900) + "\":{}}", 0))
                .satisfies(e -> assertThat(e.getMessage().length()).isLessThan(8_000));
    }
}
