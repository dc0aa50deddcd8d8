// SPDX-License-Identifier: Apache-2.0
//
// The buffer of the A side. It holds a strip's source words, so that memory gives each of them once
// and not once a tap and tile; or, with transposed A, a panel's, so that memory gives the words of a
// pixel one after the other. While one half is served, the other is filled for the next strip or
// panel.
//
// A served token has a word of each of kFeed output rows; so many copies of the buffer let it be read
// in one cycle. With transposed A a token has one word, in its first place.
#pragma once

#include "read_activations.h"
#include "types.h"

namespace sat {

// What the buffer holds at a time.
struct Holding {
  bool valid;
  bool passes;   // not held: words go through
  int words;     // to be filled
  int tokens;    // to be served
  int elements;  // transposed A: pixels
  StceCommand command;
};

// Goes through the commands: a holding for each, or for each panel of transposed A.
template <class Config>
struct Holdings {
  int commands_left;
  int tiles_left;  // of a command with transposed A
  int pixels_left;  // of its tile
  StceCommand command;

  explicit Holdings(int count)
      : commands_left(count), tiles_left(0), pixels_left(0), command(StceCommand()) {}

  Holding next(hls::stream<StceCommand>& commands, hls::stream<StceCommand>& forward) {
    SAT_INLINE
    Holding holding = Holding();
    if (tiles_left == 0) {
      if (commands_left == 0) return holding;
      --commands_left;
      command = commands.read();
      forward.write(command);
      if (command.flags & kStceTransposeA) {
        tiles_left = tiles_of<Config>(command);
        pixels_left = static_cast<int>(command.reduction);
      }
    }
    holding.valid = true;
    holding.command = command;
    if (tiles_left > 0) {
      holding.elements = shorter(pixels_left, Config::kLanes);
      holding.words = holding.tokens = holding.elements * static_cast<int>(command.a_words);
      pixels_left -= holding.elements;
      if (pixels_left == 0) {
        --tiles_left;
        pixels_left = static_cast<int>(command.reduction);
      }
    } else {
      holding.passes = command.strip_words == 0;
      holding.words = command.strip_words;
      holding.tokens = row_tokens<Config>(command);
    }
    return holding;
  }
};

// Where the rows of the next token of a strip lie.
template <class Config>
struct RowServer {
  int units;  // of `interleave` rows in a set
  int panels;
  int sets;
  int unit_row;
  int unit;
  int panel;
  int set;
  int row;      // of the command
  int set_row;  // the set's first
  PixelWalk first;  // its pixel
  PixelWalk pixel;
  TapWalk tap;

  explicit RowServer(const StceCommand& served)
      : units(units_of<Config>(served)),
        panels(panels_of<Config>(served)),
        sets(sets_of<Config>(served)),
        unit_row(0),
        unit(0),
        panel(0),
        set(0),
        row(0),
        set_row(0),
        first(served),
        pixel(served),
        tap(served) {}

  // Rows of the next token, of at most `most`: an odd interleave leaves half of a unit's last empty.
  int token_rows(const StceCommand& command, int most) const {
    return shorter(most, static_cast<int>(command.interleave) - unit_row);
  }

  // Whether the f-th row from the one at hand on is one of the command's; another is zeros.
  bool real(const StceCommand& command, int f) const {
    return row + f < static_cast<int>(command.rows);
  }

  // `count` rows of a unit further, to where the pixel is `behind`.
  void advance(const StceCommand& command, int count, const PixelWalk& behind) {
    SAT_INLINE
    pixel = behind;
    row += count;
    unit_row += count;
    if (unit_row < static_cast<int>(command.interleave)) return;
    unit_row = 0;
    if (++unit < units) return;
    unit = 0;
    if (++panel < panels) {
      tap.advance(command);
      row = set_row;
      pixel = first;
      return;
    }
    panel = 0;
    tap = TapWalk(command);
    if (++set == sets) {  // the next tile begins anew
      set = 0;
      row = 0;
      pixel = PixelWalk(command);
    }
    set_row = row;
    first = pixel;
  }
};

// Two halves of so many copies.
template <class Config>
struct StripBuffer {
  Word<Config> half[2][Config::kFeed][Config::kStripWords];
};

// The next token of a strip. The steps of the walk through its pixels go one after the other, the
// counters take one step.
template <class Config>
WordToken<Config> serve_rows(const StceCommand& command,
                             const Word<Config> (&copies)[Config::kFeed][Config::kStripWords],
                             RowServer<Config>& rows) {
  SAT_INLINE
  const int count = rows.token_rows(command, Config::kFeed);
  WordToken<Config> token;
  PixelWalk pixel = rows.pixel;
  SAT_LOOP(ServeRows_Row)
  for (int f = 0; f < Config::kFeed; ++f) {
    SAT_UNROLL
    token.row[f] = zero_word<Config>();
    if (f < count) {
      if (rows.real(command, f)) {
        token.row[f] =
            read_pixel<Config>(command, copies[f], command.strip_address, pixel, rows.tap);
      }
      pixel.advance(command);
    }
  }
  rows.advance(command, count, pixel);
  return token;
}

// Serves one holding and fills the other half for the next one.
template <class Config>
void turn_buffer(const Holding& serving, const Holding& filling, int served_half,
                 StripBuffer<Config>& buffer, hls::stream<Word<Config>>& words,
                 hls::stream<WordToken<Config>>& held) {
  const int tokens = serving.valid ? serving.tokens : 0;
  const int fills = filling.valid ? filling.words : 0;
  const bool transposed = (serving.command.flags & kStceTransposeA) != 0;
  const int pixel_words = serving.command.a_words;
  // Fills are spread over the tokens, or a slow memory would hold up all of them at the start.
  const int pace = fills > 0 ? longer(1, tokens / fills) : 1;
  RowServer<Config> rows(serving.command);
  int served = 0;
  int filled = 0;
  int wait = 0;
  int pixel = 0;  // of transposed A,
  int word = 0;   // ... its word
  int place = 0;  // ... and where that lies
  SAT_LOOP(TurnBuffer_Cycle)
  while (served < tokens || filled < fills) {
    SAT_PIPELINE(1)  // reads each copy of one half, writes those of the other
    SAT_TRIPCOUNT(16384)
    if (served < tokens) {
      ++served;
      WordToken<Config> token = WordToken<Config>();
      if (transposed) {
        token.row[0] = buffer.half[served_half][0][place];
        place += pixel_words;
        if (++pixel == serving.elements) {
          pixel = 0;
          place = ++word;
        }
      } else {
        token = serve_rows<Config>(serving.command, buffer.half[served_half], rows);
      }
      held.write(token);
    }
    if (++wait >= pace) {
      wait = 0;
      if (filled < fills) {
        const Word<Config> data = words.read();
        SAT_LOOP(TurnBuffer_Copy)
        for (int f = 0; f < Config::kFeed; ++f) {
          SAT_UNROLL
          buffer.half[1 - served_half][f][filled] = data;
        }
        ++filled;
      }
    }
  }
}

// Words that are not held, as tokens.
template <class Config>
void pass_rows(const Holding& holding, hls::stream<Word<Config>>& words,
               hls::stream<WordToken<Config>>& held) {
  RowServer<Config> rows(holding.command);
  WordToken<Config> token = WordToken<Config>();
  SAT_PARTITION(token.row, 1)
  int place = 0;  // in the token
  int served = 0;
  SAT_LOOP(PassRows_Word)
  while (served < holding.tokens) {
    SAT_PIPELINE(1)  // one word in
    SAT_TRIPCOUNT(16384)
    token.row[place] = rows.real(holding.command, 0) ? words.read() : zero_word<Config>();
    rows.advance(holding.command, 1, rows.pixel);  // its words come in order
    if (++place == Config::kFeed || rows.unit_row == 0) {
      held.write(token);
      token = WordToken<Config>();
      place = 0;
      ++served;
    }
  }
}

template <class Config>
void hold_activations(int count, hls::stream<StceCommand>& commands,
                      hls::stream<StceCommand>& forward, hls::stream<Word<Config>>& words,
                      hls::stream<WordToken<Config>>& held) {
  StripBuffer<Config> buffer;
  SAT_PARTITION(buffer.half, 1)
  SAT_PARTITION(buffer.half, 2)
  SAT_STORAGE(buffer.half, ram_s2p, uram)
  Holdings<Config> holdings(count);
  Holding serving = Holding();
  Holding filling = holdings.next(commands, forward);
  int half = 0;  // that is served
  SAT_LOOP(HoldActivations_Turn)
  while (serving.valid || filling.valid) {
    SAT_TRIPCOUNT(4096)
    turn_buffer<Config>(serving, filling, half, buffer, words, held);
    serving = filling;
    if (filling.passes) {
      pass_rows<Config>(filling, words, held);
      serving.valid = false;
    }
    half = 1 - half;
    filling = holdings.next(commands, forward);
  }
}

}  // namespace sat
