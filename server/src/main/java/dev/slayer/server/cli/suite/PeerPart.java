package dev.slayer.server.cli.suite;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The same by transformers and PyTorch, where a python3 of the PATH has them for this device. */
final class PeerPart implements Part {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TRAINED_BYTES = 16;

    private final PeerProcess process;

    PeerPart(PeerProcess process) {
        this.process = process;
    }

    @Override
    public String name() {
        return "peer";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        stage.close();
        List<Figure> figures = new ArrayList<>();
        PeerProcess.Said said = process.run(
                stage.checkpoint(),
                stage.site().trainingDevice(),
                time,
                settings(stage).toString());
        for (String line : said.lines()) {
            figures.add(figure(stage, line));
        }
        said.problem()
                .ifPresent(problem ->
                        figures.add(Figure.failed(name(), stage.shape().name(), problem)));
        if (figures.isEmpty()) {
            figures.add(Figure.failed(name(), stage.shape().name(), "python3 measured nothing"));
        }
        return figures;
    }

    private static ObjectNode settings(Stage stage) {
        Scale scale = stage.shape().scale();
        ObjectNode settings = JSON.createObjectNode();
        scale.decode().batches().forEach(settings.putArray("batches")::add);
        int layers = stage.shape().config().layers();
        Stream.of(layers, 3 * layers / 4, layers / 2, layers / 4)
                .filter(depth -> trainable(stage, depth))
                .forEach(settings.putArray("train_layers")::add);
        return settings.put("decode_prompt", scale.decode().prompt())
                .put("decode_tokens", scale.decode().tokens())
                .put("prefill_prompts", scale.prefill().prompts())
                .put("prefill_length", scale.prefill().length())
                .put("train_rows", scale.training().rows())
                .put("train_length", scale.training().length());
    }

    private static boolean trainable(Stage stage, int layers) {
        ModelConfig config = stage.shape().config().withLayers(layers);
        return config.parameters().total() * TRAINED_BYTES < stage.site().trainingBytes();
    }

    private Figure figure(Stage stage, String line) {
        String shape = stage.shape().name();
        JsonNode said;
        try {
            said = JSON.readTree(line);
        } catch (JsonProcessingException e) {
            throw SlayerException.internal("python3 said what is no JSON: " + line, e);
        }
        if (said.has("absent")) {
            return Figure.absent(name(), shape, said.path("absent").asText());
        }
        if (said.has("failed")) {
            return Figure.failed(name(), shape, said.path("failed").asText());
        }
        String kind = said.path("kind").asText();
        int batch = said.path("batch").asInt();
        String what = "transformers, " + kind + (kind.equals("decode") ? ", batch " + batch : "");
        double rate = said.path("rate").asDouble();
        Figure figure = Figure.of(
                name(), shape, what, rate, "tokens/s", said.path("note").asText());
        Scale.Prefill prefill = stage.shape().scale().prefill();
        ModelConfig config = stage.shape().config();
        ModelCosts costs =
                new ModelCosts(config, config.layers(), stage.site().type().bits() / Byte.SIZE);
        return switch (kind) {
            case "decode" ->
                stage.limits()
                        .beside(
                                figure,
                                batch,
                                costs.decodeStep(
                                        batch, batch * said.path("rows").asDouble()));
            case "prefill" ->
                stage.limits()
                        .beside(
                                figure,
                                prefill.length(),
                                costs.prefill(prefill.length(), ModelCosts.seen(prefill.length(), 0), 1));
            default ->
                stage.limits()
                        .beside(
                                figure,
                                1,
                                trainingToken(stage, said.path("layers").asInt()));
        };
    }

    /** A token of full fine-tuning: forward, and twice as much back. */
    private static Cost trainingToken(Stage stage, int layers) {
        double length = stage.shape().scale().training().length();
        Cost forward = new ModelCosts(stage.shape().config(), layers, Float.BYTES).prefill(1, (length + 1) / 2, 1);
        return new Cost(0, 3 * forward.operations());
    }
}
