package dev.slayer.server.guide;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.slayer.server.text.Tokenizer;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is generated under a schema is valid under it, as a validator of others sees it; and nothing valid is ruled out but spellings. */
class JsonSchemaTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final String PERSON = """
            {"type":"object","title":"Person","properties":{
              "name":{"type":"string","minLength":1,"maxLength":12},
              "age":{"type":"integer","minimum":0,"maximum":150},
              "email":{"anyOf":[{"type":"string","format":"email"},{"type":"null"}],"default":null},
              "tags":{"type":"array","items":{"enum":["a","b \\"c\\"","é"]},"minItems":1,"maxItems":3},
              "score":{"type":"number","exclusiveMinimum":-1.5,"maximum":99.25}},
             "required":["name","age","tags"],"additionalProperties":false}""";
    private static final String TREE = """
            {"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{
              "value":{"type":"boolean"},
              "children":{"type":"array","items":{"$ref":"#/$defs/node"},"maxItems":2}},
             "required":["value"],"additionalProperties":false}}}""";
    private static final String LIST = """
            {"$defs":{"list":{"oneOf":[{"type":"null"},{"type":"object","properties":{"head":{"type":"integer"},
              "tail":{"$ref":"#/$defs/list"}},"required":["head","tail"]}]}},"$ref":"#/$defs/list"}""";
    private static final String SHAPE = """
            {"oneOf":[
              {"type":"object","properties":{"kind":{"const":"circle"},"radius":{"type":"number","minimum":0}},
               "required":["kind","radius"]},
              {"type":"object","properties":{"kind":{"const":"square"},"side":{"type":"number","minimum":0}},
               "required":["kind","side"]}]}""";

    private static final List<String> SCHEMAS = List.of(
            PERSON,
            TREE,
            LIST,
            SHAPE,
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":\"integer\"}}",
            "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"}}",
            "{\"type\":\"object\",\"required\":[\"x\",\"y\"],\"additionalProperties\":{\"type\":\"string\",\"maxLength\":2}}",
            "{\"type\":\"object\"}",
            "{}",
            "{\"type\":\"string\"}",
            "{\"type\":\"string\",\"pattern\":\"^[A-Z]{2}-\\\\d+$\",\"maxLength\":8}",
            "{\"type\":\"string\",\"pattern\":\"\\\"|\\\\n\",\"minLength\":2,\"maxLength\":4}",
            "{\"type\":\"string\",\"format\":\"date-time\"}",
            "{\"type\":\"string\",\"format\":\"uuid\"}",
            "{\"type\":\"string\",\"format\":\"ipv4\"}",
            "{\"type\":\"string\",\"format\":\"email\"}",
            "{\"type\":[\"integer\",\"null\"]}",
            "{\"enum\":[1,2.5,\"x\",null,true,{\"a\":[1]},[]]}",
            "{\"type\":\"integer\",\"enum\":[1,2,\"x\"]}",
            "{\"const\":\"only\"}",
            "{\"minimum\":-10,\"exclusiveMaximum\":10}",
            "{\"type\":\"array\",\"minItems\":2}",
            "{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},\"maxItems\":0}",
            "{\"allOf\":[{\"type\":\"boolean\"}],\"description\":\"one is no intersection\"}",
            "true");

    @Provide
    Arbitrary<String> schemas() {
        return Arbitraries.of(SCHEMAS);
    }

    @Provide
    Arbitrary<Tokenizer> tokenizers() {
        return Arbitraries.of(Walks.TOKENIZERS);
    }

    /** The validator also wants e-mail addresses to end in a domain that exists. */
    private static void assertValid(String schema, String json) {
        Schema validator = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(schema);
        assertThat(validator.validate(
                        json,
                        InputFormat.JSON,
                        execution -> execution.executionConfig(
                                config -> config.formatAssertionsEnabled(!schema.contains("email")))))
                .as("%s under %s", json, schema)
                .isEmpty();
    }

    @Property(tries = 800)
    void whatIsGeneratedIsValid(
            @ForAll("schemas") String schema, @ForAll("tokenizers") Tokenizer tokenizer, @ForAll long seed) {
        String json = Walks.random(tokenizer, new Constraint.Schema(schema), new Random(seed));
        assertValid(schema, json);
    }

    @Property(tries = 200)
    void withoutASchemaItIsAnObject(@ForAll("tokenizers") Tokenizer tokenizer, @ForAll long seed)
            throws JsonProcessingException {
        String json = Walks.random(tokenizer, new Constraint.JsonObject(), new Random(seed));
        assertThat(JSON.readTree(json).isObject()).as(json).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"\"}}",
                "{\"a\": [1, -2.5, 3e8, 0.25E-3], \"b\": {}}",
                "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ]\n}",
                "{\"q\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83C\\udf21 é🌡\"}",
                " {\"a\":[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]}"
            })
    void anyObjectIsAllowedHoweverItIsCutIntoTokens(String json) {
        for (Tokenizer tokenizer : Walks.TOKENIZERS) {
            assertThat(Walks.accepts(tokenizer, new Constraint.JsonObject(), json, new Random(3)))
                    .isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[1]",
                "{\"a\":01}",
                "{\"a\":1,}",
                "{a:1}",
                "{\"a\":\"\\x\"}",
                "{\"a\":\"\\ud800\"}",
                "{\"a\":\"\t\"}",
                "{\"a\":tru}",
                "{\"a\":1} "
            })
    void whatIsNoObjectIsNot(String json) {
        for (Tokenizer tokenizer : Walks.TOKENIZERS) {
            assertThat(Walks.accepts(tokenizer, new Constraint.JsonObject(), json, new Random(3)))
                    .isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"name":"Ada","age":36,"tags":["a"]}                                              | true
            {"name": "Ada", "age": 36, "email": null, "tags": ["é", "b \\"c\\""], "score": -1.49} | true
            {"name":"Ada","age":0,"email":"ada@x.org","tags":["a","a","a"],"score":99.25}     | true
            {"name":"","age":36,"tags":["a"]}                                                 | false
            {"name":"Ada","age":151,"tags":["a"]}                                             | false
            {"name":"Ada","age":36,"tags":[]}                                                 | false
            {"name":"Ada","age":36,"tags":["a"],"score":-1.5}                                 | false
            {"name":"Ada","age":36,"tags":["a"],"more":1}                                     | false
            {"name":"Ada","tags":["a"]}                                                       | false
            """)
    void exactlyTheValidObjectsOfThePropertiesOrderAreAllowed(String json, boolean valid) {
        for (Tokenizer tokenizer : Walks.TOKENIZERS) {
            assertThat(Walks.accepts(tokenizer, new Constraint.Schema(PERSON), json, new Random(4)))
                    .isEqualTo(valid);
        }
    }

    @Test
    void declaredNamesAreNoNamesOfOtherMembers() {
        Constraint schema = new Constraint.Schema(
                "{\"type\":\"object\",\"properties\":{\"ab\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":\"integer\"}}");
        for (Tokenizer tokenizer : Walks.TOKENIZERS) {
            assertThat(Walks.accepts(tokenizer, schema, "{\"ab\":null,\"abc\":1,\"a\":2}", new Random(1)))
                    .isTrue();
            assertThat(Walks.accepts(tokenizer, schema, "{\"ab\":1}", new Random(1)))
                    .isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"type":"integer","multipleOf":3}                        | the keyword 'multipleOf' at #
            {"properties":{"a":{"not":{}}}}                          | the keyword 'not' at #/properties/a
            {"type":"array","uniqueItems":true}                      | 'uniqueItems'
            {"type":"object","patternProperties":{}}                 | 'patternProperties'
            {"type":"object","minProperties":1}                      | 'minProperties'
            {"if":{},"then":{}}                                      | 'if'
            {"type":"array","prefixItems":[]}                        | 'prefixItems'
            {"allOf":[{},{}]}                                        | allOf with more than one
            {"$ref":"#/$defs/a","type":"string","$defs":{"a":true}}  | $ref beside 'type'
            {"anyOf":[true],"minimum":1}                             | anyOf beside 'minimum'
            {"enum":["a"],"maxLength":3}                             | 'maxLength' beside enum
            {"$ref":"http://example.org/s"}                          | $ref at #
            {"type":"string","format":"hostname"}                    | format "hostname"
            {"type":"string","pattern":"(?=a)"}                      | a pattern at # that uses
            {"oneOf":[{"type":"number"},{"type":"integer"}]}         | schemas 0 and 1 may both hold
            {"oneOf":[{"type":"object"},{"properties":{}}]}          | schemas 0 and 1 may both hold
            {"properties":{"a":{"$id":"x"}}}                         | '$id'
            """)
    void whatIsNotSupportedIsRefusedByName(String schema, String message) {
        assertThatThrownBy(() -> compile(schema))
                .isInstanceOfSatisfying(
                        ConstraintException.class,
                        e -> assertThat(e.isUnsupported()).isTrue())
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"type":"text"}                                          | the type 'text'
            {"type":"string","minLength":-1}                         | minLength
            {"type":"integer","minimum":"1"}                         | a number for minimum
            {"properties":[]}                                        | an object for properties
            {"required":"a","type":"object"}                         | a list of strings
            {"anyOf":[]}                                             | a list of schemas
            {"$ref":"#/$defs/none"}                                  | has no '#/$defs/none'
            {"minimum":1,"minLength":1}                              | keywords of several
            5                                                        | an object, true or false
            {"$ref":"#"}                                             | can never be fulfilled
            {"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]} | can never be fulfilled
            {"anyOf":[{"$ref":"#"},{"$ref":"#/anyOf/0"}]}            | can never be fulfilled
            {"enum":[]}                                              | can never be fulfilled
            {"type":"integer","enum":["a"]}                          | can never be fulfilled
            {"type":"string","minLength":3,"maxLength":2}            | can never be fulfilled
            {"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":2} | can never be fulfilled
            {"type":"object","required":["a"],"additionalProperties":false} | can never be fulfilled
            false                                                    | can never be fulfilled
            """)
    void whatIsBrokenOrEmptyIsRefused(String schema, String message) {
        assertThatThrownBy(() -> compile(schema))
                .isInstanceOf(ConstraintException.class)
                .hasMessageContaining(message);
    }

    @Test
    void alternativesThatCannotBeFulfilledAreLeftOut() {
        Constraint schema = new Constraint.Schema("{\"anyOf\":[{\"$ref\":\"#\"},{\"enum\":[]},{\"const\":7}]}");
        for (Tokenizer tokenizer : Walks.TOKENIZERS) {
            assertThat(Walks.random(tokenizer, schema, new Random(1)).strip()).isEqualTo("7");
        }
    }

    private static Grammar compile(String schema) throws JsonProcessingException {
        return JsonSchema.compile(JSON.readTree(schema), JsonSchema.LONGEST);
    }
}
