package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One of the models that a request compares.
 *
 * @param index position in the request; 0 is the reference
 * @param label what the answer calls it: as the client did, and different from the others
 * @param use keeps it loaded
 */
record AbVariant(int index, String label, ModelUse use) {
    static final int MOST = 16;
    private static final int LONGEST_LABEL = 256;

    /** Stands for the default model, with or without edits, unless a model has that name. */
    private static final String BASE = "base";

    ServedModel model() {
        return use.model();
    }

    boolean isReference() {
        return index == 0;
    }

    /**
     * The variants that a request names; the caller closes their uses.
     *
     * @throws SlayerException 400 or 404 naming the field at fault; nothing is in use then
     */
    static List<AbVariant> read(Fields fields, ModelDirectory models) {
        List<Fields.Element> names = fields.array("variants");
        if (names.size() < 2 || names.size() > MOST) {
            throw SlayerException.badRequest(
                    "variants",
                    "variants names " + names.size() + " models; allowed: 2 to " + MOST
                            + ", such as [\"base\", \"base@remove=3\"].");
        }
        List<AbVariant> variants = new ArrayList<>();
        boolean ready = false;
        try {
            Set<String> labels = new HashSet<>();
            for (Fields.Element name : names) {
                ModelUse use = use(models, name.text(), name.path());
                variants.add(new AbVariant(variants.size(), label(name.text(), use, labels), use));
                requireSameTokens(variants.getFirst(), variants.getLast(), name.path());
            }
            ready = true;
            return List.copyOf(variants);
        } finally {
            if (!ready) {
                variants.forEach(variant -> variant.use.close());
            }
        }
    }

    private static ModelUse use(ModelDirectory models, String text, String path) {
        RequestedModel wanted = RequestedModel.named(text);
        boolean stands = wanted.name().equals(BASE)
                && models.models().stream().noneMatch(model -> model.name().equals(BASE));
        try {
            return models.use(stands ? RequestedModel.named(text.substring(BASE.length())) : wanted);
        } catch (SlayerException e) {
            throw new SlayerException(e.status(), e.code(), path, path + ": " + e.getMessage(), e);
        }
    }

    /** A model that is compared with itself is told apart by a number. */
    private static String label(String text, ModelUse use, Set<String> taken) {
        String name = RequestedModel.named(text).name().isEmpty() ? use.shown() : text;
        String label = name.length() <= LONGEST_LABEL ? name : name.substring(0, LONGEST_LABEL) + "...";
        String unique = label;
        for (int number = 2; !taken.add(unique); number++) {
            unique = label + "#" + number;
        }
        return unique;
    }

    /** Distributions over different tokens cannot be compared. */
    private static void requireSameTokens(AbVariant reference, AbVariant other, String path) {
        int size = reference.model().config().vocabularySize();
        int otherSize = other.model().config().vocabularySize();
        if (size != otherSize) {
            throw SlayerException.badRequest(
                    path,
                    "'" + Excerpt.of(other.label) + "' has a vocabulary of " + otherSize + " tokens and '"
                            + Excerpt.of(reference.label) + "' one of " + size
                            + "; only variants with the same vocabulary can be compared.");
        }
        if (!sameTokens(reference.model(), other.model())) {
            throw SlayerException.badRequest(
                    path,
                    "'" + Excerpt.of(other.label) + "' and '" + Excerpt.of(reference.label)
                            + "' have different tokenizers; only variants with the same tokens can be compared.");
        }
    }

    private static boolean sameTokens(ServedModel a, ServedModel b) {
        if (a.tokenizer().equals(b.tokenizer())) {
            return true;
        }
        int size = a.tokenizer().vocabulary().size();
        if (size != b.tokenizer().vocabulary().size()) {
            return false;
        }
        for (int token = 0; token < size; token++) {
            if (!Arrays.equals(
                            a.tokenizer().vocabulary().bytes(token),
                            b.tokenizer().vocabulary().bytes(token))
                    || a.tokenizer().vocabulary().special(token)
                            != b.tokenizer().vocabulary().special(token)) {
                return false;
            }
        }
        return true;
    }
}
