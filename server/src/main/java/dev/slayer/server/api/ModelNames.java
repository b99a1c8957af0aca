package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.Collection;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What models may be called, and how messages list them. */
final class ModelNames {
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:-]*(/[A-Za-z0-9][A-Za-z0-9._:-]*)*");
    private static final int LONGEST = 128;
    private static final int LISTED = 20;

    private ModelNames() {}

    /** The same name. @throws SlayerException 400 if it cannot be one: no edit and no path can hide in a name */
    static String checked(String name) {
        if (name.length() > LONGEST || !FORM.matcher(name).matches()) {
            throw SlayerException.badRequest(
                    "name",
                    "name='" + Excerpt.of(name) + "' cannot be a name; allowed: 1 to " + LONGEST
                            + " letters, digits and . _ - : with / between parts, each part beginning with a letter or digit.");
        }
        return name;
    }

    /** For a message: the first names. */
    static String list(Collection<String> names) {
        String first = names.stream().limit(LISTED).collect(Collectors.joining(", "));
        return names.size() > LISTED ? first + " and " + (names.size() - LISTED) + " more" : first;
    }

    static SlayerException notFound(String name, Collection<String> served) {
        return new SlayerException(
                404,
                "model_not_found",
                "model",
                "The model '" + Excerpt.of(name) + "' does not exist; served here: " + list(served) + ".",
                null);
    }
}
