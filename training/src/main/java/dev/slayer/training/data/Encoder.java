package dev.slayer.training.data;

import dev.slayer.surgery.SlayerException;
import java.util.Arrays;
import java.util.List;

/** Documents as tokens, and which of them are learned. */
final class Encoder {
    private final TextCodec codec;
    private final DataOptions.Learning learning;
    private final int eos;

    /** @throws SlayerException 400 if the codec has no EOS */
    Encoder(TextCodec codec, DataOptions.Learning learning) {
        this.codec = codec;
        this.learning = learning;
        this.eos = codec.eos()
                .orElseThrow(() ->
                        Refusal.of("eos_token", "the checkpoint names no eos_token; without it documents have no end"));
    }

    /** The token that stands where nothing is. */
    int padding() {
        return eos;
    }

    Example encode(Document document) throws BadRow {
        return switch (document) {
            case Document.Text text -> framed(codec.encode(text.text()), 0);
            case Document.Completion row -> completion(row);
            case Document.Chat chat -> chat(chat.messages());
        };
    }

    private Example completion(Document.Completion row) {
        int[] whole = codec.encode(row.prompt() + row.completion());
        return framed(whole, learning.answersOnly() ? common(codec.encode(row.prompt()), whole) : 0);
    }

    /** BOS, text, EOS; learned from an index of the text on. */
    private Example framed(int[] text, int from) {
        int front = learning.bos() && codec.bos().isPresent() ? 1 : 0;
        int[] tokens = new int[front + text.length + 1];
        if (front == 1) {
            tokens[0] = codec.bos().getAsInt();
        }
        System.arraycopy(text, 0, tokens, front, text.length);
        tokens[tokens.length - 1] = eos;
        boolean[] learned = new boolean[tokens.length];
        Arrays.fill(learned, front + from, tokens.length, true);
        return new Example(tokens, learned);
    }

    private Example chat(List<Message> messages) throws BadRow {
        return switch (learning.style()) {
            case TEMPLATE -> byTemplate(messages);
            case PLAIN -> plain(messages);
        };
    }

    /**
     * The conversation as a whole is what is tokenized. An answer reaches from the end of the rendering before it, with the assistant's
     * turn opened, to the end of the rendering with it; both must be beginnings of the whole.
     */
    private Example byTemplate(List<Message> messages) throws BadRow {
        String whole = render(messages, false);
        int[] tokens = codec.encode(whole);
        boolean[] learned = new boolean[tokens.length];
        if (!learning.answersOnly()) {
            Arrays.fill(learned, true);
            return new Example(tokens, learned);
        }
        for (int i = 0; i < messages.size(); i++) {
            if (messages.get(i).learned()) {
                String before = beginning(render(messages.subList(0, i), true), whole, i);
                String with = beginning(render(messages.subList(0, i + 1), false), whole, i);
                int from = common(codec.encode(before), tokens);
                int to = with.length() == whole.length() ? tokens.length : common(codec.encode(with), tokens);
                Arrays.fill(learned, Math.min(from, to), to, true);
            }
        }
        return new Example(tokens, learned);
    }

    private String render(List<Message> messages, boolean open) throws BadRow {
        try {
            return codec.render(messages, open);
        } catch (SlayerException e) {
            if (e.status() >= 500) {
                throw e;
            }
            throw new BadRow("is refused by the chat template: " + e.getMessage());
        }
    }

    private static String beginning(String part, String whole, int turn) throws BadRow {
        if (!whole.startsWith(part)) {
            throw new BadRow("is rendered by the chat template in such a way that the end of message " + (turn + 1)
                    + " cannot be told: the conversation up to it is not the beginning of the whole");
        }
        return part;
    }

    /** See {@link DataOptions.Learning.Style#PLAIN}. EOS stands after answers only. */
    private Example plain(List<Message> messages) {
        Tokens out = new Tokens();
        if (learning.bos()) {
            codec.bos().ifPresent(bos -> out.add(new int[] {bos}, false));
        }
        for (Message message : messages) {
            out.add(codec.encode(heading(message.role())), !learning.answersOnly());
            boolean answer = message.role().equals("assistant");
            boolean learned = message.learned() || !learning.answersOnly();
            out.add(codec.encode(message.content() + (answer ? "" : "\n\n")), learned);
            if (answer) {
                out.add(new int[] {eos}, learned);
            }
        }
        if (!messages.getLast().role().equals("assistant")) {
            out.add(new int[] {eos}, !learning.answersOnly());
        }
        return out.example();
    }

    private static String heading(String role) {
        return switch (role) {
            case "system" -> "### System:\n";
            case "assistant" -> "### Response:\n";
            default -> "### Instruction:\n";
        };
    }

    /** How many tokens two texts begin with alike. */
    private static int common(int[] a, int[] b) {
        int mismatch = Arrays.mismatch(a, b);
        return mismatch < 0 ? a.length : mismatch;
    }

    /** Tokens as they are put together. */
    private static final class Tokens {
        private int[] tokens = new int[64];
        private boolean[] learned = new boolean[64];
        private int length;

        void add(int[] more, boolean learn) {
            if (length + more.length > tokens.length) {
                int room = Math.max(length + more.length, 2 * tokens.length);
                tokens = Arrays.copyOf(tokens, room);
                learned = Arrays.copyOf(learned, room);
            }
            System.arraycopy(more, 0, tokens, length, more.length);
            Arrays.fill(learned, length, length + more.length, learn);
            length += more.length;
        }

        Example example() {
            return new Example(Arrays.copyOf(tokens, length), Arrays.copyOf(learned, length));
        }
    }
}
