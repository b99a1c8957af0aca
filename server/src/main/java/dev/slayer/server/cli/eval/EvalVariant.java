package dev.slayer.server.cli.eval;

import dev.slayer.clients.Model;
import dev.slayer.clients.SlayerClient;
import dev.slayer.surgery.SlayerException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A model to evaluate.
 *
 * @param name as the user wrote it
 * @param model as requests name it
 * @param listed the listed model that it is, or an edit of
 * @param maxLength tokens of its context
 */
record EvalVariant(String name, String model, String listed, int maxLength) {
    /**
     * Variants by their names; {@code base} is the server's first model.
     *
     * @throws SlayerException 404 if the server has no such model
     * @throws dev.slayer.clients.SlayerClientException if it refuses an edit
     */
    static List<EvalVariant> of(List<String> names, SlayerClient client) {
        List<Model> models = client.models();
        return names.stream().map(name -> of(name, models, client)).toList();
    }

    private static EvalVariant of(String name, List<Model> models, SlayerClient client) {
        String unedited = name.contains("@") ? name.substring(0, name.indexOf('@')) : name;
        Optional<Model> found = models.stream()
                .filter(model -> model.id().equals(unedited))
                .findFirst()
                .or(() -> unedited.equals("base") ? models.stream().findFirst() : Optional.empty());
        Model model = found.orElseThrow(() -> new SlayerException(
                404,
                "model_not_found",
                EvalSettings.VARIANT.option(),
                EvalSettings.VARIANT.option() + ": the server has no model '" + unedited + "'; it has "
                        + models.stream().map(Model::id).collect(Collectors.joining(", ")) + ".",
                null));
        String asked = model.id() + name.substring(unedited.length());
        int window = client.tokenize(asked, "", true).maxModelLen(); // refuses an edit that cannot be
        return new EvalVariant(name, asked, model.id(), window);
    }
}
