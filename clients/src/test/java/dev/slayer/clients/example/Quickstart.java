package dev.slayer.clients.example;

// README: begin
import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.EventStream;
import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;

public final class Quickstart {
    public static void main(String[] args) {
        String url = args.length > 0 ? args[0] : "http://127.0.0.1:8000";
        try (SlayerClient client = SlayerClient.connect(url)) {
            String model = client.models().getFirst().id();
            CompletionRequest request =
                    CompletionRequest.of(model, "Q: 17+25=? A:").maxTokens(8).temperature(0);

            System.out.println(client.complete(request).text());

            // Piece by piece; closing the stream early cancels the request.
            try (EventStream<Completion> pieces = client.stream(request)) {
                pieces.forEachRemaining(piece -> System.out.print(piece.text()));
            }
            System.out.println();
        } catch (SlayerClientException e) {
            System.err.println(e.code() + " (" + e.status() + "): " + e.getMessage());
        }
    }

    private Quickstart() {}
}
// README: end
