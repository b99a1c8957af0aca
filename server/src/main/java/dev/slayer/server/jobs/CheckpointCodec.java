package dev.slayer.server.jobs;

import dev.slayer.server.text.ChatTemplate;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.CheckpointException;
import dev.slayer.training.data.Message;
import dev.slayer.training.data.TextCodec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A checkpoint's tokenizer and chat template for training data: the same tokens and the same rendering that a request to the server gets.
 * Thread-safe. The tokenizer stays its owner's and must stay open.
 */
public final class CheckpointCodec implements TextCodec {
    private static final List<String> FILES = List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja");

    /** Llama 3's templates write a date. A run must not depend on the day, so it is the one that they fall back to. */
    private static final Map<String, Object> VARIABLES = Map.of("date_string", "26 Jul 2024");

    private final Tokenizer tokenizer;
    private final String identity;
    private final OptionalInt bos;

    /**
     * @param directory of the checkpoint that the tokenizer was loaded from
     * @throws CheckpointException if a file of it cannot be read
     */
    public CheckpointCodec(Tokenizer tokenizer, Path directory) {
        this.tokenizer = tokenizer;
        this.identity = hash(directory);
        this.bos = puts(tokenizer) ? tokenizer.bosTokenId() : OptionalInt.empty();
    }

    /** Whether the tokenizer begins texts with BOS, which not every one does that has it. */
    private static boolean puts(Tokenizer tokenizer) {
        int[] tokens = tokenizer.encode("a", true);
        OptionalInt bos = tokenizer.bosTokenId();
        return bos.isPresent() && tokens.length > 0 && tokens[0] == bos.getAsInt();
    }

    private static String hash(Path directory) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (String name : FILES) {
                Path file = directory.resolve(name);
                if (Files.exists(file)) {
                    byte[] content = Files.readAllBytes(file);
                    digest.update((name + " " + content.length + "\n").getBytes(StandardCharsets.UTF_8));
                    digest.update(content);
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be read: " + e.getMessage(), e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String identity() {
        return identity;
    }

    @Override
    public int[] encode(String text) {
        return tokenizer.encode(text, false);
    }

    @Override
    public OptionalInt bos() {
        return bos;
    }

    @Override
    public OptionalInt eos() {
        return tokenizer.eosTokenId();
    }

    @Override
    public boolean hasChatTemplate() {
        return tokenizer.chatTemplate().isPresent();
    }

    @Override
    public String render(List<Message> messages, boolean open) {
        ChatTemplate template = tokenizer
                .chatTemplate()
                .orElseThrow(() -> SlayerException.badRequest("chat", "the checkpoint has no chat template"));
        List<Map<String, Object>> turns = messages.stream()
                .map(message -> Map.<String, Object>of("role", message.role(), "content", message.content()))
                .toList();
        return template.render(turns, open, false, VARIABLES);
    }
}
