package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Spoilt safetensors files. */
final class WeightCorruptions {
    private static final String FILE = "model.safetensors";
    private static final String GATE = LayerTensor.GATE.name(0);

    private WeightCorruptions() {}

    static List<Corruption> all() {
        return List.of(
                Corruption.of("cut at a random place", 24, WeightCorruptions::cut),
                Corruption.of("bytes appended", 4, WeightCorruptions::append),
                new Corruption("bit of the header flipped", 44, true, WeightCorruptions::flip),
                Corruption.of("header length", 16, WeightCorruptions::headerLength),
                Corruption.of("offsets", 20, WeightCorruptions::offsets),
                Corruption.of("shapes", 20, WeightCorruptions::shapes),
                dtypes(),
                Corruption.of("duplicate keys", 4, WeightCorruptions::duplicate),
                structure(),
                Corruption.of("nesting", 4, WeightCorruptions::nest),
                Corruption.of("a tensor renamed", 10, WeightCorruptions::rename),
                foreign(),
                Corruption.of("no safetensors file", 8, WeightCorruptions::alien),
                Corruption.of("tens of megabytes of header", 3, WeightCorruptions::hugeHeader));
    }

    private static byte[] good(Path directory) throws IOException {
        TinyCheckpoint.single().write(directory);
        return Files.readAllBytes(directory.resolve(FILE));
    }

    private static void cut(Path directory, Random random, int number) throws IOException {
        byte[] bytes = good(directory);
        Files.write(directory.resolve(FILE), Arrays.copyOf(bytes, random.nextInt(bytes.length)));
    }

    private static void append(Path directory, Random random, int number) throws IOException {
        byte[] bytes = good(directory);
        Files.write(directory.resolve(FILE), Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(100)));
    }

    private static void flip(Path directory, Random random, int number) throws IOException {
        byte[] bytes = good(directory);
        int header = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        bytes[random.nextInt(8 + header)] ^= (byte) (1 << random.nextInt(8));
        Files.write(directory.resolve(FILE), bytes);
    }

    private static void headerLength(Path directory, Random random, int number) throws IOException {
        byte[] bytes = good(directory);
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long real = buffer.getLong(0);
        long[] lengths = {
            -1,
            Long.MIN_VALUE,
            Long.MAX_VALUE,
            100_000_001,
            100_000_000,
            1L << 32,
            1L << 31,
            0,
            1,
            2,
            real - 1,
            real + 1,
            bytes.length,
            bytes.length - 7,
            bytes.length - 8,
            random.nextLong() | 1L << 40
        };
        buffer.putLong(0, lengths[number]);
        Files.write(directory.resolve(FILE), bytes);
    }

    private static ObjectNode anyEntry(TinyCheckpoint tiny, Random random) {
        List<String> names = tiny.model()
                .header
                .propertyStream()
                .map(entry -> entry.getKey())
                .filter(name -> !name.equals("__metadata__"))
                .toList();
        return tiny.model().entry(names.get(random.nextInt(names.size())));
    }

    private static void offsets(Path directory, Random random, int number) throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        ArrayNode offsets = (ArrayNode) anyEntry(tiny, random).get("data_offsets");
        long begin = offsets.get(0).longValue();
        long end = offsets.get(1).longValue();
        long far = Math.abs(random.nextLong() / 2) + 1_000_000;
        long[][] choices = {
            {end, begin},
            {-begin - 1, end},
            {begin, far},
            {far, far + end - begin},
            {begin + 4, end + 4},
            {begin + 1, end},
            {begin, end - 1},
            {begin - 4, end - 4},
            {Long.MAX_VALUE - 1, Long.MAX_VALUE},
            {Long.MIN_VALUE, Long.MAX_VALUE}
        };
        long[] choice = choices[number % choices.length];
        offsets.removeAll().add(choice[0]).add(choice[1]);
        tiny.write(directory);
    }

    private static void shapes(Path directory, Random random, int number) throws IOException {
        String[] choices = {
            "[8,12]",
            "[12,16]",
            "[-12,-8]",
            "[12.0,8]",
            "[\"12\",8]",
            "[4611686018427387904,4611686018427387904]",
            "[12,8,0]",
            "[12,8,9223372036854775807]",
            "[96]",
            "[1,12,8]",
            "[]",
            "[18446744073709551616]",
            "[null]",
            "[[12,8]]",
            "{}",
            "\"12,8\"",
            "[1e1,8]",
            "[12,8,1]",
            "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,96]",
            "[12"
        };
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.write(directory);
        String header = new String(tiny.model().headerBytes(), StandardCharsets.UTF_8);
        String entry = "\"" + GATE + "\":" + tiny.model().entry(GATE);
        String changed = entry.replace("[12,8]", choices[number]);
        Files.write(
                directory.resolve(FILE),
                SafetensorsWriter.bytes(
                        header.replace(entry, changed), tiny.model().data()));
    }

    private static Corruption dtypes() {
        String[] choices = {"F64", "F16", "I32", "U32", "F8_E4M3", "BOOL", "F4", "Q4_0", "", "f32", "F32 ", "float32"};
        return Corruption.of("dtypes", choices.length, (directory, _, number) -> {
            TinyCheckpoint tiny = TinyCheckpoint.single();
            tiny.model().entry(TensorNames.EMBEDDING).put("dtype", choices[number]);
            tiny.write(directory);
        });
    }

    private static void duplicate(Path directory, Random random, int number) throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.write(directory);
        String header = new String(tiny.model().headerBytes(), StandardCharsets.UTF_8);
        String entry = "\"" + GATE + "\":" + tiny.model().entry(GATE) + ",";
        String changed = switch (number) {
            case 0 -> header.replace(entry, entry + entry);
            case 1 -> header.replace(entry, entry + entry.replace("model", "\\u006dodel"));
            case 2 -> header.replaceFirst("\\{", "{\"__metadata__\":{},");
            default -> header.replaceFirst("\"dtype\"", "\"dtype\":\"F32\",\"dtype\"");
        };
        Files.write(
                directory.resolve(FILE),
                SafetensorsWriter.bytes(changed, tiny.model().data()));
    }

    private static Corruption structure() {
        return Corruption.inMemory(
                "structure of the header",
                tiny -> tiny.model().entry(GATE).remove("dtype"),
                tiny -> tiny.model().entry(GATE).remove("shape"),
                tiny -> tiny.model().entry(GATE).remove("data_offsets"),
                tiny -> tiny.model().entry(GATE).put("strides", 1),
                tiny -> tiny.model().entry(GATE).putNull("dtype"),
                tiny -> tiny.model().entry(GATE).put("dtype", 7),
                tiny -> tiny.model().entry(GATE).putObject("dtype"),
                tiny -> tiny.model().entry(GATE).put("shape", 96),
                tiny -> tiny.model().entry(GATE).put("data_offsets", "0,4"),
                tiny -> tiny.model().entry(GATE).putArray("data_offsets").add(0),
                tiny -> tiny.model().entry(GATE).withArray("data_offsets").add(0),
                tiny -> tiny.model().header.putArray(GATE),
                tiny -> tiny.model().header.putNull(GATE),
                tiny -> tiny.model().header.put(GATE, "F32"),
                tiny -> tiny.model().header.putArray("__metadata__"),
                tiny -> tiny.model().header.putObject("__metadata__").put("step", 1));
    }

    private static void nest(Path directory, Random random, int number) throws IOException {
        good(directory);
        String[] headers = {
            "[".repeat(1_000_000),
            "{\"a\":".repeat(200_000),
            "{\"a\":{\"shape\":" + "[".repeat(500_000),
            "{\"__metadata__\":" + "{\"a\":".repeat(200_000)
        };
        Files.write(directory.resolve(FILE), SafetensorsWriter.bytes(headers[number], new byte[64]));
    }

    private static void rename(Path directory, Random random, int number) throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        ObjectNode entry = anyEntry(tiny, random);
        String name = tiny.model()
                .header
                .propertyStream()
                .filter(one -> one.getValue().equals(entry))
                .findFirst()
                .orElseThrow()
                .getKey();
        tiny.model().header.remove(name);
        tiny.model().header.set(number % 2 == 0 ? "other." + name : name.toUpperCase(Locale.ROOT), entry);
        tiny.write(directory);
    }

    private static Corruption foreign() {
        String[] names = {
            "model.layers.0.self_attn.q_proj.bias",
            "model.layers.1.mlp.up_proj.bias",
            "model.layers.0.self_attn.q_norm.weight",
            "model.layers.2.self_attn.rotary_emb.inv_freq",
            "model.layers.99999999999999999999.x",
            "lm_head.bias",
            "model.layers.0.self_attn.k_proj.weight_scale"
        };
        return Corruption.of("tensors of another model", names.length, (directory, _, number) -> {
            TinyCheckpoint tiny = TinyCheckpoint.single();
            tiny.model().add(names[number], "F32", List.of(2L), new byte[8]);
            tiny.write(directory);
        });
    }

    private static void alien(Path directory, Random random, int number) throws IOException {
        good(directory);
        byte[] noise = new byte[4096];
        random.nextBytes(noise);
        byte[] latin = "{\"__metadata__\":{\"a\":\"é\"}}".getBytes(StandardCharsets.ISO_8859_1);
        byte[] wide = "{}".getBytes(StandardCharsets.UTF_16LE);
        byte[][] contents = {
            {},
            new byte[4096],
            noise,
            "a text that is no model".getBytes(StandardCharsets.UTF_8),
            {'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0},
            "{\"weights\": []}".getBytes(StandardCharsets.UTF_8),
            SafetensorsWriter.bytes(latin.length, latin, new byte[0]),
            SafetensorsWriter.bytes(wide.length, wide, new byte[0])
        };
        Files.write(directory.resolve(FILE), contents[number]);
    }

    /** Sparse files: they cost no disk, and must cost no memory either. */
    private static void hugeHeader(Path directory, Random random, int number) throws IOException {
        good(directory);
        int length = 60_000_000;
        try (RandomAccessFile file =
                new RandomAccessFile(directory.resolve(FILE).toFile(), "rw")) {
            file.setLength(0);
            file.setLength(length + 8L);
            file.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(length)
                    .array());
            switch (number) {
                case 0 -> file.write('{');
                case 1 -> {
                    byte[] spaces = new byte[length];
                    Arrays.fill(spaces, (byte) ' ');
                    spaces[0] = '{';
                    file.write(spaces);
                }
                default -> {}
            }
        }
    }
}
