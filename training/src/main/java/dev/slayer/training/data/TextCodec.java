package dev.slayer.training.data;

import java.util.List;
import java.util.OptionalInt;

/**
 * A checkpoint's tokenizer and chat template, as far as training data needs them. Implementations are thread-safe and give the same
 * answer to the same question.
 */
public interface TextCodec {
    /**
     * What this codec is: equal for two codecs exactly if they give equal tokens and renderings, such as a hash of the tokenizer's
     * files. A stream is not continued with another codec than it was begun with.
     */
    String identity();

    /** Tokens of a text, without BOS and EOS around it. Special tokens that are spelled in the text are recognized. */
    int[] encode(String text);

    /** The token that begins a document, or empty where the checkpoint's tokenizer puts none. */
    OptionalInt bos();

    /** The token that ends a document. Without one, documents can be neither told apart nor ended. */
    OptionalInt eos();

    /** Whether {@link #render} can be called. */
    boolean hasChatTemplate();

    /**
     * A conversation as the checkpoint's chat template writes it, special tokens spelled out.
     *
     * @param open end with the opening of an assistant's turn
     * @throws dev.slayer.surgery.SlayerException 400 with the template's words, if it refuses the messages, or if there is no template
     */
    String render(List<Message> messages, boolean open);
}
