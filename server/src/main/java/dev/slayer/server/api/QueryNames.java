package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.LayoutParameters;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Refuses a query with a name that a route does not know: a typing error in the name of an edit would otherwise be answered by the
 * model as it is. Names are taken in any case.
 */
final class QueryNames implements Handler<RoutingContext> {
    /** Sent with every request by clients that were made for Azure; says nothing here. */
    private static final String API_VERSION = "api-version";

    /** The HTTP library drops what comes after so many parameters; an edit must not be among that. */
    private static final int MOST_PARAMETERS = 1000;

    /** Letters in which a name may differ from the one that was meant. */
    private static final int TYPING_ERRORS = 2;

    private final List<String> names;

    private QueryNames(List<String> names) {
        this.names = names;
    }

    /** Of routes that take an edited model in the query. */
    static QueryNames layouts() {
        return with(LayoutParameters.names().toArray(String[]::new));
    }

    /** These; one that ends in {@code []} stands for itself with anything between the brackets. */
    static QueryNames with(String... names) {
        List<String> all = new ArrayList<>(List.of(names));
        all.add(API_VERSION);
        return new QueryNames(List.copyOf(all));
    }

    @Override
    public void handle(RoutingContext ctx) {
        requireAllRead(ctx.request().query());
        for (String name : ctx.queryParams().names()) {
            if (names.stream().noneMatch(known -> matches(known, name))) {
                throw unknown(name);
            }
        }
        ctx.next();
    }

    private static void requireAllRead(String query) {
        if (query != null && query.chars().filter(c -> c == '&' || c == ';').count() >= MOST_PARAMETERS) {
            throw SlayerException.badRequest(
                    null, "The query has over " + MOST_PARAMETERS + " parameters; name the model in the body instead.");
        }
    }

    private static boolean matches(String known, String name) {
        String open = known.endsWith("[]") ? known.substring(0, known.length() - 1) : known;
        return open.equals(known) ? known.equalsIgnoreCase(name) : name.startsWith(open) && name.endsWith("]");
    }

    private SlayerException unknown(String name) {
        String hint = meant(name).map(meant -> " Did you mean '" + meant + "'?").orElse("");
        return new SlayerException(
                400,
                "unknown_parameter",
                Excerpt.of(name),
                "The query's '" + Excerpt.of(name) + "' is unknown here; allowed: " + String.join(", ", names) + "."
                        + hint,
                null);
    }

    /** The name that is nearest, if it is near. */
    private Optional<String> meant(String name) {
        if (name.length() > 64) {
            return Optional.empty();
        }
        String written = name.toLowerCase(Locale.ROOT);
        return names.stream()
                .filter(known -> edits(written, known) <= Math.min(TYPING_ERRORS, known.length() / 2))
                .min(Comparator.comparingInt(known -> edits(written, known)));
    }

    /** How many letters must be put, dropped or replaced to make one text of another. */
    static int edits(String from, String to) {
        int[] above = new int[to.length() + 1];
        Arrays.setAll(above, i -> i);
        for (int i = 1; i <= from.length(); i++) {
            int[] row = new int[to.length() + 1];
            row[0] = i;
            for (int j = 1; j <= to.length(); j++) {
                int replaced = above[j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replaced, 1 + Math.min(above[j], row[j - 1]));
            }
            above = row;
        }
        return above[to.length()];
    }
}
