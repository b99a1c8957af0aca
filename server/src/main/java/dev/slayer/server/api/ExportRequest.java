package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.Iterator;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The body of POST /v1/variants/{name}/export.
 *
 * @param folder plain name of the new folder
 * @param shardBytes most bytes of one file; 0 is the writer's choice
 * @param waits whether the answer comes when the export is complete
 */
record ExportRequest(String folder, long shardBytes, boolean waits) {
    private static final Pattern FOLDER = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,12})(B|KB|MB|GB|KIB|MIB|GIB)?");

    /**
     * Reads it.
     *
     * @param variant whose name is the folder's, if the body gives none
     * @throws SlayerException 400 naming the field at fault
     */
    static ExportRequest read(Fields fields, String variant) {
        for (Iterator<String> names = fields.node().fieldNames(); names.hasNext(); ) {
            String field = names.next();
            switch (field) {
                case "name", "shard_size", "wait" -> {}
                default ->
                    throw SlayerException.badRequest(
                            Excerpt.of(field),
                            "The field '" + Excerpt.of(field) + "' is unknown; allowed: name (a plain folder name,"
                                    + " never a path), shard_size, wait.");
            }
        }
        String folder = fields.name("name").orElse(variant.replaceAll("[/:]", "-"));
        if (!FOLDER.matcher(folder).matches()) {
            throw SlayerException.badRequest(
                    "name",
                    "name='" + Excerpt.of(folder) + "' cannot be a folder; allowed: 1 to 128 letters, digits and . _ -"
                            + " beginning with a letter or digit. The server decides where it lies (--export-folder).");
        }
        return new ExportRequest(
                folder, fields.name("shard_size").map(ExportRequest::bytes).orElse(0L), fields.flag("wait", true));
    }

    /** As Hugging Face writes sizes: {@code 5GB}, {@code 500MB}, {@code 2GiB}, or bytes. */
    private static long bytes(String text) {
        Matcher size = SIZE.matcher(text.strip().toUpperCase(Locale.ROOT));
        if (size.matches()) {
            long number = Long.parseLong(size.group(1));
            long unit = switch (size.group(2)) {
                case "KB" -> 1000L;
                case "MB" -> 1_000_000L;
                case "GB" -> 1_000_000_000L;
                case "KIB" -> 1L << 10;
                case "MIB" -> 1L << 20;
                case "GIB" -> 1L << 30;
                case null, default -> 1L;
            };
            if (number > 0 && number <= Long.MAX_VALUE / unit) {
                return number * unit;
            }
        }
        throw SlayerException.badRequest(
                "shard_size", "shard_size='" + Excerpt.of(text) + "' is no size; write 5GB, 500MB, 2GiB or bytes.");
    }
}
