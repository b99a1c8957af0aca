package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.training.data.DataOptions;
import dev.slayer.training.data.DataSource;
import dev.slayer.training.data.RowFormat;
import java.nio.file.Path;
import java.util.List;

/** A recipe's words about its data, made {@link DataOptions}. */
final class DataPlan {
    private DataPlan() {}

    /** @param folder from which relative paths are taken */
    static DataOptions of(TrainingRecipe recipe, Path folder) {
        TrainingRecipe.DataPart part = recipe.data();
        RowFormat format = part.format().equals("auto") ? null : RowFormat.of(part.format());
        List<DataSource> sources = part.sources().stream()
                .flatMap(text -> DataSource.list(text).stream())
                .map(source -> source.under(folder).as(format))
                .toList();
        List<DataSource> validation = part.validation().stream()
                .map(text -> named(text).under(folder).as(format))
                .toList();
        DataOptions.Limits limits = DataOptions.Limits.defaults();
        return new DataOptions(
                sources,
                new DataOptions.Packing(
                        part.length(),
                        recipe.optimizer().batch(),
                        part.whole() ? DataOptions.Packing.Mode.WHOLE : DataOptions.Packing.Mode.SPLIT,
                        part.documentAttention()),
                new DataOptions.Order(
                        recipe.run().seed(), part.epochs(), part.tokens(), part.shuffle(), DataOptions.Order.End.ALL),
                new DataOptions.Validation(part.validationShare(), validation, part.validationTokens()),
                new DataOptions.Learning(style(part.chat()), part.answersOnly(), true),
                new DataOptions.Limits(
                        limits.rowBytes(), limits.depth(), part.badShare(), limits.judgedAfter(), limits.badKept()));
    }

    /** {@code name=path}, or a path that is its own name. */
    private static DataSource named(String text) {
        int equals = text.indexOf('=');
        return equals < 0
                ? DataSource.parse(text)
                : DataSource.parse(text.substring(equals + 1))
                        .named(text.substring(0, equals).strip());
    }

    private static DataOptions.Learning.Style style(String chat) {
        return switch (chat) {
            case "template" -> DataOptions.Learning.Style.TEMPLATE;
            case "plain" -> DataOptions.Learning.Style.PLAIN;
            default ->
                throw SlayerException.badRequest("data.chat", "chat '" + chat + "' is neither template nor plain");
        };
    }
}
