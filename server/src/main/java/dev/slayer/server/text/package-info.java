/** Text and tokens: tokenizers, incremental detokenization, chat templates. The only code that knows DJL and Jinjava. */
package dev.slayer.server.text;
