package dev.slayer.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.jobs.JobRequest;
import dev.slayer.surgery.SlayerException;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/** Reads the body of POST /v1/fine_tuning/jobs. */
final class JobBody {
    private static final Pattern SUFFIX = Pattern.compile("[A-Za-z0-9._-]{1,64}");
    private static final int MOST_PAIRS = 16;
    private static final int LONGEST_KEY = 64;
    private static final int LONGEST_VALUE = 512;
    private static final int LONGEST_METHOD = 1 << 16;
    private static final int MOST_EPOCHS = 1_000_000;
    private static final int MOST_ROWS = 1 << 16;

    private JobBody() {}

    /** What a client asks for. @throws SlayerException 400 naming the field at fault */
    static JobRequest read(Fields fields) {
        refuseIntegrations(fields);
        Optional<Fields> method = fields.object("method");
        String type = method.flatMap(given -> given.text("type")).orElse("supervised");
        if (!type.equals("supervised") && !type.equals("slayer")) {
            throw SlayerException.badRequest(
                    "method.type",
                    "method.type='" + Excerpt.of(type) + "' is not known here; allowed: supervised and slayer.");
        }
        if (method.isPresent() && method.get().node().toString().length() > LONGEST_METHOD) {
            throw SlayerException.badRequest(
                    "method", "method is too long; allowed: " + LONGEST_METHOD + " characters, its recipe included.");
        }
        Optional<Fields> body = method.flatMap(given -> given.object(type));
        if (type.equals("slayer") && body.isEmpty()) {
            throw SlayerException.badRequest("method.slayer", "method.slayer is missing; give a recipe or a name.");
        }
        Optional<Fields> numbers =
                body.flatMap(given -> given.object("hyperparameters")).or(() -> fields.object("hyperparameters"));
        return new JobRequest(
                required(fields, "model"),
                required(fields, "training_file"),
                fields.text("validation_file").filter(text -> !text.isEmpty()),
                fields.text("suffix").filter(text -> !text.isEmpty()).map(JobBody::suffix),
                seed(fields),
                metadata(fields),
                method.map(Fields::node)
                        .orElseGet(() -> Json.MAPPER.createObjectNode().put("type", type)),
                type.equals("slayer") ? body.map(Fields::node) : Optional.empty(),
                numbers.map(JobBody::hyperparameters)
                        .orElse(new JobRequest.Hyperparameters(
                                OptionalInt.empty(), OptionalInt.empty(), OptionalDouble.empty())));
    }

    private static void refuseIntegrations(Fields fields) {
        if (!fields.array("integrations").isEmpty()) {
            throw SlayerException.badRequest(
                    "integrations", "integrations are not offered here; the events of the job hold its metrics.");
        }
    }

    private static String required(Fields fields, String name) {
        return fields.name(name)
                .filter(value -> !value.isEmpty())
                .orElseThrow(() -> SlayerException.badRequest(name, name + " is missing."));
    }

    private static String suffix(String suffix) {
        if (!SUFFIX.matcher(suffix).matches()) {
            throw SlayerException.badRequest(
                    "suffix",
                    "suffix='" + Excerpt.of(suffix) + "' cannot be part of a name; allowed: 1 to 64 letters, digits and"
                            + " . _ -");
        }
        return suffix;
    }

    private static OptionalLong seed(Fields fields) {
        OptionalLong seed = fields.whole("seed");
        if (seed.isPresent() && seed.getAsLong() < 0) {
            throw SlayerException.badRequest(
                    "seed", "seed=" + seed.getAsLong() + " is out of range; allowed: 0 or more.");
        }
        return seed;
    }

    private static ObjectNode metadata(Fields fields) {
        ObjectNode metadata = fields.object("metadata").map(Fields::node).orElseGet(Json.MAPPER::createObjectNode);
        if (metadata.size() > MOST_PAIRS) {
            throw SlayerException.badRequest(
                    "metadata", "metadata has " + metadata.size() + " pairs; allowed are " + MOST_PAIRS + ".");
        }
        for (var pair : metadata.properties()) {
            String path = "metadata." + Excerpt.of(pair.getKey());
            if (pair.getKey().length() > LONGEST_KEY
                    || Fields.text(pair.getValue(), path).length() > LONGEST_VALUE) {
                throw SlayerException.badRequest(
                        path,
                        path + " is too long; allowed: keys of " + LONGEST_KEY + " and values of " + LONGEST_VALUE
                                + " characters.");
            }
        }
        return metadata;
    }

    private static JobRequest.Hyperparameters hyperparameters(Fields fields) {
        return new JobRequest.Hyperparameters(
                given(fields, "n_epochs") ? fields.integer("n_epochs", 1, MOST_EPOCHS) : OptionalInt.empty(),
                given(fields, "batch_size") ? fields.integer("batch_size", 1, MOST_ROWS) : OptionalInt.empty(),
                given(fields, "learning_rate_multiplier") ? multiplier(fields) : OptionalDouble.empty());
    }

    private static boolean given(Fields fields, String name) {
        Optional<JsonNode> value = fields.get(name);
        return value.isPresent() && !value.get().asText().equals("auto");
    }

    private static OptionalDouble multiplier(Fields fields) {
        double multiplier = fields.number("learning_rate_multiplier", 1);
        if (!(multiplier > 0 && multiplier <= 1e6)) {
            throw SlayerException.badRequest(
                    fields.pathOf("learning_rate_multiplier"),
                    "learning_rate_multiplier=" + multiplier
                            + " is out of range; allowed: above 0 to 1000000, or auto.");
        }
        return OptionalDouble.of(multiplier);
    }
}
