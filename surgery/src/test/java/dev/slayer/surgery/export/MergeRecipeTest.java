package dev.slayer.surgery.export;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.checkpoint.DType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MergeRecipeTest {
    private final Shared sources = new Shared();

    @AfterEach
    void close() {
        sources.close();
    }

    private MergeRecipe of(String layout) {
        return MergeRecipe.of(sources.layout(layout), name -> name.isEmpty() ? "org/base" : "org/" + name, DType.BF16);
    }

    @Test
    void runsOfLayersBecomeSlices() throws JsonProcessingException {
        assertThat(of("0-1,b:0-1,1-2").json()).contains((ObjectNode) new ObjectMapper().readTree("""
                                                {"slices": [
                                                   {"sources": [{"model": "org/base", "layer_range": [0, 2]}]},
                                                   {"sources": [{"model": "org/b", "layer_range": [0, 2]}]},
                                                   {"sources": [{"model": "org/base", "layer_range": [1, 3]}]}],
                                                 "merge_method": "passthrough", "dtype": "bfloat16"}
                                                """));
    }

    @Test
    void gatesAndSilentCopiesBecomeScales() {
        String json = of("0,zero(0),1*0.5,2-attn").json().orElseThrow().toString();
        assertThat(json)
                .contains(scales("[0,1]", "0.0", "0.0"), scales("[1,2]", "0.5", "0.5"), scales("[2,3]", "0.0", "1.0"))
                .contains("{\"sources\":[{\"model\":\"org/base\",\"layer_range\":[0,1]}]}");
    }

    private static String scales(String range, String attention, String mlp) {
        return "\"layer_range\":" + range + ",\"parameters\":{\"scale\":[{\"filter\":\"o_proj\",\"value\":" + attention
                + "},{\"filter\":\"down_proj\",\"value\":" + mlp + "},{\"value\":1.0}]}";
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0,avg(0:1),2 | slot 1, avg(0:1)",
                "0-1,avg0(0:1) | slot 2, avg0(0:1)",
                "0,slerp(0:b:0:0.3) | slot 1",
                "b:0,1-2 | embedding",
                "0-1,b:2 | final norm and head",
            })
    void whatCannotBeSaidIsSaidToBeSo(String layout, String part) {
        MergeRecipe recipe = of(layout);
        assertThat(recipe.json()).isEmpty();
        assertThat(recipe.reason()).contains("slot").contains(part);
    }
}
