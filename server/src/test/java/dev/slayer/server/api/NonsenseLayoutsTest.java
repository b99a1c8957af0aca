package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.SlayerException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Whatever somebody writes for a layout is answered or refused as the client's fault, never the server's. */
class NonsenseLayoutsTest {
    private static final List<String> PIECES = List.of(
            "0",
            "7",
            "8",
            "31",
            "99999999999999999999",
            "-1",
            "-",
            "--",
            ",",
            ",,",
            "+",
            " ",
            ";",
            ";;",
            "=",
            "==",
            "@",
            "@@",
            ":",
            "::",
            "*",
            "*0.5",
            "*-1e999",
            "*NaN",
            "~0.2",
            "(",
            ")",
            "()",
            "0-7",
            "7-0",
            "0-1023",
            "0-4294967296",
            "avg(",
            "avg(0:1)",
            "avg(0:1:2:3)",
            "avg0(0:1)",
            "zero(3)",
            "lerp(0:1:0.3)",
            "slerp(0:1:2)",
            "linear(0*0.5:1)",
            "task(0:1:2)",
            "ties(0:1*0.5~0.2)",
            "dare(0:1~0.1:seed42)",
            "avg(avg(0:1):2)",
            "-attn",
            "-mlp",
            "-attn-mlp",
            "remove",
            "remove=",
            "remove=3",
            "insert=5:copy",
            "insert=7:average",
            "insert=5:",
            "skip=attn:5",
            "skip=mlp:",
            "scale=5:0.5",
            "scale=5",
            "layers=0-7",
            "preset=slayer",
            "preset=solar",
            "preset=",
            "groups=2",
            "groups=0",
            "group_size=-1",
            "delete=8",
            "init=zero",
            "final=keep",
            "pattern=(2+1)x4",
            "pattern=|||",
            "pattern=(((",
            "tiny:3",
            "org/other:3",
            "gpt:3",
            "other",
            "\u0000",
            "\u2603",
            "\ud83d\ude00",
            "%",
            "%2F",
            "/",
            "\\",
            "\"",
            "'",
            "<",
            "\t",
            "\r\n",
            "١",
            "0x7",
            "1e3",
            "½");
    private static final List<String> PARAMETERS = List.of(
            "layers",
            "remove",
            "insert",
            "skip",
            "scale",
            "preset",
            "pattern",
            "groups",
            "group_size",
            "delete",
            "init",
            "final");

    private static String nonsense(RandomGenerator random) {
        StringBuilder text = new StringBuilder();
        int pieces = 1 + random.nextInt(random.nextInt(20) == 0 ? 400 : 7);
        for (int i = 0; i < pieces; i++) {
            if (random.nextInt(12) == 0) {
                text.append((char) random.nextInt(1, 0xD800));
            } else {
                text.append(PIECES.get(random.nextInt(PIECES.size())));
                text.append(random.nextInt(3) == 0 ? "," : "");
            }
        }
        return text.toString();
    }

    @Test
    void tenThousandNonsenseLayoutsNeverAreTheServersFault() {
        ModelDirectory models = ModelDirectory.of(List.of(TestServer.model("tiny"), TestServer.model("org/other")));
        Random random = new Random(20);
        int refused = 0;
        for (int i = 0; i < 10_000; i++) {
            SequencedMap<String, String> query = new LinkedHashMap<>();
            for (int j = random.nextInt(3); j > 0; j--) {
                query.put(PARAMETERS.get(random.nextInt(PARAMETERS.size())), nonsense(random));
            }
            String text = random.nextInt(4) == 0 ? "tiny" : "tiny@" + nonsense(random);
            try (ModelUse use = models.use(new RequestedModel(text, query))) {
                assertThat(use.model().layout().depth()).isBetween(1, 1024);
                assertThat(use.shown().length()).isLessThan(300);
            } catch (SlayerException e) {
                refused++;
                assertThat(e.status())
                        .as("%s %s: %s", text, query, e.getMessage())
                        .isBetween(400, 499);
                assertThat(e.getMessage().length()).as("%s %s", text, query).isLessThan(2000);
            } catch (RuntimeException | Error e) {
                throw new AssertionError(text + " " + query, e);
            }
        }
        assertThat(refused).isBetween(5_000, 9_990);
    }

    @Test
    void hundredsOfThemByQueryFieldPathAndBodyNeverGetA5xx() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            Random random = new Random(21);
            for (int i = 0; i < 400; i++) {
                String text = nonsense(random);
                String encoded = URLEncoder.encode(text, StandardCharsets.UTF_8);
                String inPath = encoded.replace("+", "%20");
                String parameter = PARAMETERS.get(random.nextInt(PARAMETERS.size()));
                String json = Json.MAPPER.getNodeFactory().textNode(text).toString();
                String model =
                        Json.MAPPER.getNodeFactory().textNode("tiny@" + text).toString();
                HttpResponse<String> response = switch (i % 5) {
                    case 0 -> server.post("/v1/completions?" + parameter + "=" + encoded, "{\"prompt\":\"a\"}");
                    case 1 -> server.post("/v1/completions", "{\"prompt\":\"a\",\"model\":" + model + "}");
                    case 2 -> server.post("/m/tiny@" + inPath + "/v1/completions", "{\"prompt\":\"a\"}");
                    case 3 -> server.get("/v1/models/tiny@" + inPath);
                    default ->
                        server.post("/v1/variants", "{\"name\":\"v" + i + "\",\"" + parameter + "\":" + json + "}");
                };
                assertThat(response.statusCode())
                        .as("%s: %s", text, response.body())
                        .isLessThan(500);
            }
            assertThat(server.get("/health").statusCode()).isEqualTo(200);
        }
    }
}
