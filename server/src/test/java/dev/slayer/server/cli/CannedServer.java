package dev.slayer.server.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A server that streams as many tokens as it is asked for, and scores: enough of the API for the command line. */
public final class CannedServer implements RunningServer {
    private static final Pattern MODEL = Pattern.compile("\"model\":\"([^\"]*)\"");
    private static final Pattern SCORED = Pattern.compile("\"prompt\":\\[\\[([\\d,]+)]]");
    private static final Pattern MAX_TOKENS = Pattern.compile("\"max_tokens\":(\\d+)");

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final AtomicInteger streaming = new AtomicInteger();
    private final AtomicInteger completions = new AtomicInteger();
    private final Queue<String> asked = new ConcurrentLinkedQueue<>();
    private final Queue<String> prompts = new ConcurrentLinkedQueue<>();
    private final Duration pause;
    private final int failEvery;

    /**
     * @param pause before each token
     * @param failEvery each such completion gets status 500; 0 for none
     */
    public CannedServer(Duration pause, int failEvery) {
        this.pause = pause;
        this.failEvery = failEvery;
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/v1/models", exchange -> json(exchange, 200, "{\"data\":[{\"id\":\"canned\"}]}"));
        server.createContext(
                "/tokenize",
                exchange -> json(exchange, 200, "{\"count\":3,\"tokens\":[5,6,7,7],\"max_model_len\":100}"));
        server.createContext("/v1/completions", this::complete);
        server.setExecutor(threads);
        server.start();
    }

    /** Completions asked for so far. */
    public int completions() {
        return completions.get();
    }

    /** Models that completions asked for, in order. */
    public List<String> asked() {
        return List.copyOf(asked);
    }

    /** Prompts that were scored, in order: ids with commas between them. */
    public List<String> prompts() {
        return List.copyOf(prompts);
    }

    @Override
    public URI url() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    @Override
    public List<String> models() {
        return List.of("canned");
    }

    @Override
    public void drain(Duration deadline) {
        long end = System.nanoTime() + deadline.toNanos();
        while (streaming.get() > 0 && System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void complete(HttpExchange exchange) throws IOException {
        streaming.incrementAndGet();
        try (exchange) {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            int number = completions.incrementAndGet();
            if (failEvery > 0 && number % failEvery == 0) {
                json(exchange, 500, "{\"error\":{\"message\":\"Broken on purpose.\",\"code\":\"broken\"}}");
                return;
            }
            Matcher model = MODEL.matcher(body);
            asked.add(model.find() ? model.group(1) : "");
            Matcher tokens = MAX_TOKENS.matcher(body);
            int count = tokens.find() ? Integer.parseInt(tokens.group(1)) : 16;
            Matcher scored = SCORED.matcher(body);
            if (body.contains("\"echo\":true") && scored.find()) {
                prompts.add(scored.group(1));
                json(exchange, 200, scores(scored.group(1).split(",").length));
                return;
            }
            exchange.getResponseHeaders().add("Content-Type", "text/event-stream");
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            event(out, "{\"choices\":[{\"index\":0,\"text\":\"\",\"prompt_token_ids\":[5],\"finish_reason\":null}]}");
            for (int i = 0; i < count; i++) {
                Thread.sleep(pause);
                event(out, "{\"choices\":[{\"index\":0,\"text\":\"a\",\"token_ids\":[5],\"finish_reason\":null}]}");
            }
            event(out, "{\"choices\":[{\"index\":0,\"text\":\"\",\"token_ids\":[],\"finish_reason\":\"length\"}]}");
            event(out, "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":" + count + "}}");
            event(out, "[DONE]");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            streaming.decrementAndGet();
        }
    }

    /** A score for each token of a prompt but the first, and for the one behind it; all but one come from a cache. */
    private static String scores(int tokens) {
        return "{\"choices\":[{\"index\":0,\"text\":\"a\",\"logprobs\":{\"token_logprobs\":[null"
                + ",-1.5".repeat(tokens)
                + "]}}],\"usage\":{\"prompt_tokens\":" + tokens
                + ",\"completion_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":" + (tokens - 1) + "}}}";
    }

    private static void event(OutputStream out, String data) throws IOException {
        out.write(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    private static void json(HttpExchange exchange, int status, String json) throws IOException {
        try (exchange) {
            exchange.getRequestBody().readAllBytes();
            byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
        }
    }
}
