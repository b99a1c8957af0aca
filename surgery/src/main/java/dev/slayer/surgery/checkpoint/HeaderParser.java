package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.slayer.surgery.checkpoint.SafetensorsHeader.Entry;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads the JSON of a safetensors header as a stream: no tree of a hostile header is ever built, and each tensor is checked
 * alone before the next is read.
 */
final class HeaderParser {
    private static final int TENSOR_LIMIT = 100_000;
    private static final int DIMENSION_LIMIT = 16;

    /** Bits of one element, for every type of the format: also a file whose other tensors we do not need must be sound. */
    private static final Map<String, Integer> BITS = Map.ofEntries(
            Map.entry("F4", 4),
            Map.entry("F6_E2M3", 6),
            Map.entry("F6_E3M2", 6),
            Map.entry("BOOL", 8),
            Map.entry("U8", 8),
            Map.entry("I8", 8),
            Map.entry("F8_E5M2", 8),
            Map.entry("F8_E4M3", 8),
            Map.entry("F8_E5M2FNUZ", 8),
            Map.entry("F8_E4M3FNUZ", 8),
            Map.entry("F8_E8M0", 8),
            Map.entry("I16", 16),
            Map.entry("U16", 16),
            Map.entry("F16", 16),
            Map.entry("BF16", 16),
            Map.entry("I32", 32),
            Map.entry("U32", 32),
            Map.entry("F32", 32),
            Map.entry("C64", 64),
            Map.entry("F64", 64),
            Map.entry("I64", 64),
            Map.entry("U64", 64));

    private final Path file;
    private final long dataBytes;

    /**
     * @param file for messages
     * @param dataBytes bytes that follow the header
     */
    HeaderParser(Path file, long dataBytes) {
        this.file = file;
        this.dataBytes = dataBytes;
    }

    /** All tensors of the header in bytes from to end of the channel, in the header's order. */
    List<Entry> parse(FileChannel channel, long from, long end) throws IOException {
        try (JsonParser json = Json.FACTORY.createParser(Json.utf8(new ChannelWindow(channel, from, end)))) {
            List<Entry> entries = new ArrayList<>();
            expect(json, json.nextToken(), JsonToken.START_OBJECT, "the header");
            if (json.currentTokenLocation().getCharOffset() != 0) {
                throw new CheckpointException(file, "the header does not begin with '{'");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                if (name.equals("__metadata__")) {
                    skipMetadata(json);
                } else {
                    entries.add(tensor(json, name));
                }
                if (entries.size() > TENSOR_LIMIT) {
                    throw new CheckpointException(file, "names more than " + TENSOR_LIMIT + " tensors");
                }
            }
            if (json.nextToken() != null) {
                throw new CheckpointException(file, "the header goes on after its JSON object");
            }
            return entries;
        } catch (IOException e) {
            throw Json.invalid(file, "the header ", e);
        }
    }

    /** The texts themselves are of no use here, so they are passed over without being built. */
    private void skipMetadata(JsonParser json) throws IOException {
        expect(json, json.nextToken(), JsonToken.START_OBJECT, "'__metadata__'");
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            expect(json, json.nextToken(), JsonToken.VALUE_STRING, "'__metadata__' value");
        }
    }

    private Entry tensor(JsonParser json, String name) throws IOException {
        String what = "tensor '" + name + "'";
        expect(json, json.nextToken(), JsonToken.START_OBJECT, what);
        String dtype = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String key = json.currentName();
            json.nextToken();
            switch (key) {
                case "dtype" -> {
                    expect(json, json.currentToken(), JsonToken.VALUE_STRING, what + ": dtype");
                    dtype = json.getText();
                }
                case "shape" -> shape = naturals(json, what + ": shape", DIMENSION_LIMIT);
                case "data_offsets" -> offsets = naturals(json, what + ": data_offsets", 2);
                default ->
                    throw refuse(what, "has '" + key + "', where only dtype, shape and data_offsets are allowed");
            }
        }
        if (dtype == null || shape == null || offsets == null) {
            throw refuse(what, "lacks one of dtype, shape and data_offsets");
        }
        return checked(what, name, dtype, shape, offsets);
    }

    private Entry checked(String what, String name, String dtype, List<Long> shape, List<Long> offsets) {
        if (offsets.size() != 2) {
            throw refuse(what, "has data_offsets " + offsets + ", which must be two numbers");
        }
        long begin = offsets.get(0);
        long end = offsets.get(1);
        if (begin > end) {
            throw refuse(what, "ends at data byte " + end + ", before it begins at " + begin);
        }
        if (end > dataBytes) {
            throw refuse(what, "ends at data byte " + end + ", beyond the file's " + dataBytes + " bytes of data");
        }
        Integer bits = BITS.get(dtype);
        if (bits == null) {
            throw refuse(what, "has dtype '" + shortened(dtype) + "', which the format does not know");
        }
        long bytes = bytes(what, shape, bits);
        if (bytes != end - begin) {
            throw refuse(
                    what,
                    "of shape " + shape + " and dtype " + dtype + " needs " + bytes
                            + " bytes, but its data_offsets give " + (end - begin));
        }
        return new Entry(name, dtype, List.copyOf(shape), begin, end);
    }

    private long bytes(String what, List<Long> shape, int bits) {
        try {
            long total = bits;
            for (long dimension : shape) {
                total = Math.multiplyExact(total, dimension);
            }
            if (total % Byte.SIZE != 0) {
                throw refuse(what, "of shape " + shape + " does not fill whole bytes");
            }
            return total / Byte.SIZE;
        } catch (ArithmeticException e) {
            throw new CheckpointException(file, what + " has shape " + shape + ", whose size overflows", e);
        }
    }

    private List<Long> naturals(JsonParser json, String what, int limit) throws IOException {
        expect(json, json.currentToken(), JsonToken.START_ARRAY, what);
        List<Long> numbers = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
            expect(json, json.currentToken(), JsonToken.VALUE_NUMBER_INT, what + " element");
            if (json.getNumberType() == JsonParser.NumberType.BIG_INTEGER || json.getLongValue() < 0) {
                throw refuse(what, "has " + json.getText() + ", which must be an integer from 0 to 2^63-1");
            }
            numbers.add(json.getLongValue());
            if (numbers.size() > limit) {
                throw refuse(what, "has more than " + limit + " numbers");
            }
        }
        return numbers;
    }

    private void expect(JsonParser json, JsonToken token, JsonToken expected, String what) throws IOException {
        if (token != expected) {
            String found = token == null ? "nothing" : shortened(json.getText());
            throw refuse(what, "should be " + words(expected) + ", but there is " + found);
        }
    }

    private static String words(JsonToken token) {
        return switch (token) {
            case START_OBJECT -> "a JSON object";
            case START_ARRAY -> "a JSON array";
            case VALUE_STRING -> "a JSON string";
            default -> "a JSON integer";
        };
    }

    private static String shortened(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "...";
    }

    private CheckpointException refuse(String what, String problem) {
        return new CheckpointException(file, what + " " + problem);
    }
}
