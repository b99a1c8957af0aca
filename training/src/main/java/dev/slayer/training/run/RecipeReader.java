package dev.slayer.training.run;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.slayer.surgery.SlayerException;
import java.util.stream.Collectors;
import org.yaml.snakeyaml.LoaderOptions;

/** Reads a {@link TrainingRecipe} from YAML of anybody: bounded in size and depth, without aliases. */
final class RecipeReader {
    private static final ObjectMapper YAML = YAMLMapper.builder(
                    YAMLFactory.builder().loaderOptions(limits()).build())
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .build();

    private RecipeReader() {}

    static TrainingRecipe read(String text) {
        if (text.length() > TrainingRecipe.MAX_TEXT) {
            throw SlayerException.badRequest(
                    "recipe",
                    "the training recipe has " + text.length() + " characters; allowed are " + TrainingRecipe.MAX_TEXT);
        }
        try {
            TrainingRecipe recipe = YAML.readValue(text, TrainingRecipe.class);
            if (recipe == null) {
                throw SlayerException.badRequest("recipe", "the training recipe is empty");
            }
            return recipe;
        } catch (JsonProcessingException e) {
            throw refusal(e);
        }
    }

    private static SlayerException refusal(JsonProcessingException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof SlayerException own) {
                return own;
            }
        }
        String path = e instanceof JsonMappingException mapping
                ? mapping.getPath().stream()
                        .map(JsonMappingException.Reference::getFieldName)
                        .filter(name -> name != null)
                        .collect(Collectors.joining("."))
                : "";
        JsonLocation at = e.getLocation();
        return new SlayerException(
                400,
                "invalid_recipe",
                path.isEmpty() ? "recipe" : path,
                "the training recipe" + (at == null ? "" : ", line " + at.getLineNr())
                        + (path.isEmpty() ? "" : ", " + path) + ": "
                        + e.getOriginalMessage().lines().findFirst().orElse(""),
                e);
    }

    private static LoaderOptions limits() {
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(TrainingRecipe.MAX_TEXT);
        options.setNestingDepthLimit(20);
        options.setMaxAliasesForCollections(0);
        options.setAllowDuplicateKeys(false);
        return options;
    }
}
