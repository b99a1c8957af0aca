package dev.slayer.training.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Data and options drawn by a seed: one to three sources of one or two files, plain or packed, texts or questions with answers. */
record RandomData(Path folder, DataOptions options) implements AutoCloseable {
    static RandomData of(long seed) {
        Random random = new Random(seed);
        try {
            Path folder = Files.createTempDirectory("slayer-data");
            List<DataSource> sources = new ArrayList<>();
            boolean texts = random.nextBoolean();
            for (int s = 0; s < 1 + random.nextInt(3); s++) {
                Path source = Files.createDirectory(folder.resolve("s" + s));
                for (int f = 0; f < 1 + random.nextInt(2); f++) {
                    String suffix = List.of("", ".gz", ".zst").get(random.nextInt(3));
                    TestFiles.write(source.resolve(f + ".jsonl" + suffix), rows(random, s + "." + f, texts));
                }
                sources.add(new DataSource("s" + s, source.toString(), 1 + random.nextInt(5), null));
            }
            return new RandomData(folder, options(random, sources));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String rows(Random random, String name, boolean texts) {
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < 8 + random.nextInt(30); i++) {
            String words = "w".repeat(1 + random.nextInt(random.nextInt(10) == 0 ? 60 : 12));
            String id = name + "#" + i + ";";
            rows.append(
                    texts
                            ? "{\"text\":\"" + id + words + "\"}\n"
                            : "{\"prompt\":\"" + id + "\",\"completion\":\"" + words + "\"}\n");
            rows.append(random.nextInt(6) == 0 ? "\n" : "");
        }
        return rows.toString();
    }

    private static DataOptions options(Random random, List<DataSource> sources) {
        DataOptions.Packing.Mode mode =
                random.nextBoolean() ? DataOptions.Packing.Mode.SPLIT : DataOptions.Packing.Mode.WHOLE;
        DataOptions.Order.End end = random.nextBoolean() ? DataOptions.Order.End.ALL : DataOptions.Order.End.FIRST;
        int epochs = random.nextInt(3);
        long tokens = epochs == 0 || random.nextBoolean() ? 200 + random.nextInt(2000) : 0;
        int shuffle = List.of(0, 1, 2, 7, 1000).get(random.nextInt(5));
        return DataOptions.of(sources, 12 + random.nextInt(40), 1 + random.nextInt(5))
                .withPacking(new DataOptions.Packing(
                        12 + random.nextInt(40), 1 + random.nextInt(5), mode, random.nextBoolean()))
                .withOrder(new DataOptions.Order(random.nextLong(), epochs, tokens, shuffle, end))
                .withValidation(new DataOptions.Validation(random.nextBoolean() ? 0 : 0.2, List.of(), 0));
    }

    TrainingData open() {
        return TestFiles.open(options);
    }

    @Override
    public void close() {
        try (var paths = Files.walk(folder)) {
            for (Path path : paths.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
