package dev.slayer.clients;

/**
 * A model of the server.
 *
 * @param id what the {@code model} field of a request names
 * @param created when it was loaded, in seconds since 1970
 * @param ownedBy who offers it
 * @param parent the base model, if this is a variant; otherwise null
 * @param maxModelLen context length in tokens, prompt and answer together; null if the server does not say
 */
public record Model(String id, long created, String ownedBy, String parent, Integer maxModelLen) {}
