package dev.slayer.server.text;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Text to tokens and back, exactly as Hugging Face tokenizers does it for the same files. Thread-safe. Native underneath:
 * {@link #close} frees it, and calls that take long texts belong on a worker thread, not on an event loop.
 */
public interface Tokenizer extends AutoCloseable {
    /**
     * Loads tokenizer.json and, where they exist, tokenizer_config.json and chat_template.jinja.
     *
     * @param checkpointDirectory the checkpoint
     * @throws dev.slayer.surgery.checkpoint.CheckpointException if a file is missing, too large, malformed, or of a kind that is not
     *     supported; the message names the file
     */
    static Tokenizer load(Path checkpointDirectory) {
        return NativeTokenizer.load(checkpointDirectory);
    }

    /**
     * A tokenizer that needs no files and no native code: ids 0 to 255 are bytes, then {@code <s>}, {@code </s>},
     * {@code <|im_start|>} and {@code <|im_end|>}. For models without a checkpoint.
     */
    static Tokenizer bytes() {
        return new ByteTokenizer();
    }

    /**
     * Tokens of a text; special tokens written in the text are recognized as such. Half surrogate pairs, which no UTF-8 text has,
     * are read as U+FFFD.
     *
     * @param addSpecialTokens let the tokenizer put its BOS (and whatever else its file says) around the text
     */
    int[] encode(String text, boolean addSpecialTokens);

    /**
     * Text of tokens, as transformers' {@code decode} with {@code clean_up_tokenization_spaces=False}.
     *
     * @throws dev.slayer.surgery.SlayerException 400 if an id is outside the vocabulary
     */
    String decode(int[] tokens, boolean skipSpecialTokens);

    /** What each token stands for. */
    Vocabulary vocabulary();

    /** Id of the BOS token that tokenizer_config.json names. */
    OptionalInt bosTokenId();

    /** Id of the EOS token that tokenizer_config.json names. */
    OptionalInt eosTokenId();

    /** The chat template of the checkpoint, if it has one. */
    Optional<ChatTemplate> chatTemplate();

    /** tokenizer_config.json as far as clients use it: eos_token, bos_token, pad_token, chat_template as plain strings or null. */
    Map<String, Object> info();

    @Override
    void close();
}
