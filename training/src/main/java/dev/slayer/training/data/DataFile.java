package dev.slayer.training.data;

import com.github.luben.zstd.ZstdInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;

/** A file of a known kind, told by its name. */
record DataFile(Path path, long bytes, Kind kind, Compression compression) {
    private static final int BUFFER = 1 << 16;

    enum Kind {
        JSONL,
        TXT,
        PARQUET
    }

    enum Compression {
        NONE(""),
        GZIP(".gz"),
        ZSTD(".zst");

        private final String suffix;

        Compression(String suffix) {
            this.suffix = suffix;
        }
    }

    /** The file, or null if its name tells no known kind. */
    static DataFile of(Path path) throws IOException {
        String name = path.getFileName().toString();
        Compression compression = Compression.NONE;
        for (Compression each : Compression.values()) {
            if (name.endsWith(each.suffix)) {
                compression = each; // NONE matches always, the others after it
            }
        }
        String plain = name.substring(0, name.length() - compression.suffix.length());
        Kind kind = null;
        for (Kind each : Kind.values()) {
            if (plain.endsWith("." + each.name().toLowerCase(java.util.Locale.ROOT))) {
                kind = each;
            }
        }
        boolean readable = kind != null && (kind != Kind.PARQUET || compression == Compression.NONE);
        return readable ? new DataFile(path, Files.size(path), kind, compression) : null;
    }

    static String kinds() {
        String packed = Arrays.stream(Compression.values())
                .filter(each -> each != Compression.NONE)
                .map(each -> each.suffix)
                .collect(Collectors.joining(" and "));
        return ".jsonl and .txt, also with " + packed + ", and .parquet";
    }

    /** The content, uncompressed, from an offset on. Compressed files are read from their beginning. */
    InputStream open(long offset) throws IOException {
        InputStream in = Files.newInputStream(path);
        try {
            InputStream plain = switch (compression) {
                case NONE -> in;
                case GZIP -> new GZIPInputStream(in, BUFFER);
                case ZSTD -> new ZstdInputStream(in).setContinuous(false);
            };
            plain.skipNBytes(offset);
            return plain;
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }
}
