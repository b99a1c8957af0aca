package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RuntimeFactsTest {
    @Test
    void saysWhatIsKnownAndNothingElse() {
        assertThat(written(RuntimeFacts.NONE)).isEqualTo("{}");
        assertThat(written(RuntimeFacts.cpu("1.29.0"))).isEqualTo("{\"devices\":[\"cpu\"],\"onnxruntime\":\"1.29.0\"}");
        RuntimeFacts cuda = new RuntimeFacts(
                List.of("cuda:0 (A)", "cuda:1 (A)"),
                Optional.of("1.30.0"),
                Optional.of("13"),
                Optional.of("13.1"),
                List.of("kv_int8"));
        assertThat(written(cuda))
                .isEqualTo("{\"devices\":[\"cuda:0 (A)\",\"cuda:1 (A)\"],\"onnxruntime\":\"1.30.0\",\"cuda\":\"13\","
                        + "\"driver_cuda\":\"13.1\",\"features\":[\"kv_int8\"]}");
    }

    private static String written(RuntimeFacts facts) {
        ObjectNode json = Json.MAPPER.createObjectNode();
        facts.writeTo(json);
        return json.toString();
    }
}
