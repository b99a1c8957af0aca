package dev.slayer.training.data;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** A codec without weights or files: a token is a byte, 256 is BOS, 257 is EOS; turns are written as {@code <role>content|}. */
public record ByteCodec(boolean hasChatTemplate) implements TextCodec {
    public static final int BOS = 256;
    public static final int EOS = 257;

    @Override
    public String identity() {
        return "bytes";
    }

    @Override
    public int[] encode(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int[] tokens = new int[bytes.length];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = bytes[i] & 0xFF;
        }
        return tokens;
    }

    @Override
    public OptionalInt bos() {
        return OptionalInt.of(BOS);
    }

    @Override
    public OptionalInt eos() {
        return OptionalInt.of(EOS);
    }

    @Override
    public String render(List<Message> messages, boolean open) {
        if (!messages.isEmpty() && messages.getFirst().role().equals("assistant")) {
            throw Refusal.of("messages", "a user must begin");
        }
        String turns = messages.stream()
                .map(message -> "<" + message.role() + ">" + message.content() + "|")
                .collect(Collectors.joining());
        return open ? turns + "<assistant>" : turns;
    }

    /** Tokens as text; BOS is {@code ^}, EOS is {@code $}. */
    static String text(int... tokens) {
        byte[] bytes = new byte[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            bytes[i] = (byte) (tokens[i] == BOS ? '^' : tokens[i] == EOS ? '$' : tokens[i]);
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
