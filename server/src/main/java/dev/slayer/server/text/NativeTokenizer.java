package dev.slayer.server.text;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.CheckpointException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongFunction;

/**
 * The tokenizers library of Hugging Face, by the native binding that DJL ships. It owns one native tokenizer.
 *
 * <p>The binding's raw calls are used, not DJL's HuggingFaceTokenizer: that one copies seven more arrays per text, truncates
 * and pads unless told otherwise, and reports its use over the network.
 */
final class NativeTokenizer implements Tokenizer {
    /** Llama 3's file has 9 MB, the largest known some 35 MB. */
    private static final int MAX_BYTES = 64 << 20;

    private static final char NO_CHARACTER = '\uFFFD';

    private final TokenTable vocabulary;
    private final TokenizerSettings settings;
    private final Optional<ChatTemplate> template;
    private final OptionalInt bos;
    private final OptionalInt eos;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private long handle; // 0 when closed; calls hold the read lock, close holds the write lock

    private NativeTokenizer(
            long handle, TokenTable vocabulary, TokenizerSettings settings, OptionalInt bos, OptionalInt eos) {
        this.handle = handle;
        this.vocabulary = vocabulary;
        this.settings = settings;
        this.bos = bos;
        this.eos = eos;
        this.template = Optional.ofNullable(settings.chatTemplate())
                .map(source -> ChatTemplate.of(source, settings.bosToken(), settings.eosToken()));
    }

    /** The native library, loaded with the first tokenizer. */
    private static final class Library {
        static final TokenizersLibrary CALLS = load();

        private static TokenizersLibrary load() {
            // Otherwise DJL asks a metadata service of its makers' cloud, and downloads a CUDA build where it finds a
            // GPU.
            if (System.getProperty("ai.djl.offline") == null) {
                System.setProperty("ai.djl.offline", "true");
            }
            LibUtils.checkStatus();
            return TokenizersLibrary.LIB;
        }
    }

    static NativeTokenizer load(Path directory) {
        Path file = directory.resolve("tokenizer.json");
        Path config = directory.resolve("tokenizer_config.json");
        byte[] content = TextFiles.read(file, MAX_BYTES);
        TokenTable vocabulary = TokenizerFile.vocabulary(file, content);
        TokenizerSettings settings = TokenizerSettings.load(directory);
        OptionalInt bos = named(config, vocabulary, "bos_token", settings.bosToken());
        OptionalInt eos = named(config, vocabulary, "eos_token", settings.eosToken());
        long handle = open(file, new String(content, StandardCharsets.UTF_8));
        try {
            return new NativeTokenizer(handle, vocabulary, settings, bos, eos);
        } catch (RuntimeException e) {
            Library.CALLS.deleteTokenizer(handle);
            throw e;
        }
    }

    private static OptionalInt named(Path config, TokenTable vocabulary, String name, String piece) {
        if (piece == null) {
            return OptionalInt.empty();
        }
        OptionalInt id = vocabulary.id(piece);
        if (id.isEmpty()) {
            throw new CheckpointException(
                    config, "'" + name + "' is '" + piece + "', which tokenizer.json does not have");
        }
        return id;
    }

    private static long open(Path file, String content) {
        try {
            long handle = Library.CALLS.createTokenizerFromString(content);
            Library.CALLS.disableTruncation(handle);
            Library.CALLS.disablePadding(handle);
            return handle;
        } catch (RuntimeException e) {
            throw new CheckpointException(file, "is refused by the tokenizers library: " + e.getMessage(), e);
        }
    }

    @Override
    public int[] encode(String text, boolean addSpecialTokens) {
        String whole = wholeCharacters(text);
        long[] ids = call(tokenizer -> {
            long encoding = Library.CALLS.encode(tokenizer, whole, addSpecialTokens);
            try {
                return Library.CALLS.getTokenIds(encoding);
            } finally {
                Library.CALLS.deleteEncoding(encoding);
            }
        });
        int[] tokens = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            tokens[i] = Math.toIntExact(ids[i]);
        }
        return tokens;
    }

    /** Half surrogate pairs have no UTF-8 form, which is what the native side reads. */
    private static String wholeCharacters(String text) {
        StringBuilder repaired = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            boolean pair = Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1));
            if (pair) {
                i++;
            } else {
                repaired = repaired == null ? new StringBuilder(text) : repaired;
                repaired.setCharAt(i, NO_CHARACTER);
            }
        }
        return repaired == null ? text : repaired.toString();
    }

    @Override
    public String decode(int[] tokens, boolean skipSpecialTokens) {
        long[] ids = new long[tokens.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = checked(vocabulary, tokens[i]);
        }
        return call(tokenizer -> Library.CALLS.decode(tokenizer, ids, skipSpecialTokens));
    }

    /** The same id, if it is inside the vocabulary. */
    static int checked(Vocabulary vocabulary, int token) {
        if (token < 0 || token >= vocabulary.size()) {
            throw SlayerException.badRequest(
                    "tokens",
                    "token " + token + " is outside the vocabulary; allowed are 0 to " + (vocabulary.size() - 1));
        }
        return token;
    }

    private <T> T call(LongFunction<T> action) {
        lock.readLock().lock();
        try {
            if (handle == 0) {
                throw new IllegalStateException("this tokenizer is closed");
            }
            return action.apply(handle);
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public Vocabulary vocabulary() {
        return vocabulary;
    }

    @Override
    public OptionalInt bosTokenId() {
        return bos;
    }

    @Override
    public OptionalInt eosTokenId() {
        return eos;
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return template;
    }

    @Override
    public Map<String, Object> info() {
        return settings.info();
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (handle != 0) {
                Library.CALLS.deleteTokenizer(handle);
                handle = 0;
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
