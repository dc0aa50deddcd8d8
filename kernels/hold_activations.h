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

// What half of the buffer holds: a strip, a panel of transposed A, or, without words, nothing.
struct Holding {
  int words;   // that fill it
  int tokens;  // in which it is served
  bool panel;
  int pixels;       // of a panel,
  int pixel_words;  // ... words of each,
  int pace;         // ... and turns a word, beside a panel of the same tile
};

inline Holding panel_of(const StceCommand& command, int pixels, int pace) {
  Holding panel;
  panel.words = panel.tokens = pixels * static_cast<int>(command.a_words);
  panel.panel = true;
  panel.pixels = pixels;
  panel.pixel_words = command.a_words;
  panel.pace = pace;
  return panel;
}

// Goes through what is held of a command: its strip, or, tile by tile, the panels of transposed A.
template <class Config>
struct Holdings {
  Holding whole;  // a panel of `lanes` pixels
  Holding last;   // the tile's last panel; the strip
  int panels;     // of a tile
  int panel;
  int tiles_left;
  int passed;  // tokens of words that are not held but go through

  explicit Holdings(const StceCommand& command)
      : whole(Holding()), last(Holding()), panels(1), panel(0), tiles_left(0), passed(0) {
    if (command.flags & kStceTransposeA) {
      panels = panels_of<Config>(command);
      tiles_left = tiles_of<Config>(command);
      const int pixels = static_cast<int>(command.reduction) - (panels - 1) * Config::kLanes;
      whole = panel_of(command, Config::kLanes, 1);
      last = panel_of(command, pixels, panels == 1 ? 1 : Config::kLanes / pixels);
    } else {
      last.words = command.strip_words;
      last.tokens = row_tokens<Config>(command);
      tiles_left = last.words > 0 ? 1 : 0;
      passed = last.words > 0 ? 0 : last.tokens;
    }
  }

  Holding next() {
    SAT_INLINE
    if (tiles_left == 0) return Holding();
    if (++panel < panels) return whole;
    panel = 0;
    --tiles_left;
    return last;
  }
};

// Where the next word of a panel lies: one of each pixel, then the next one of each.
struct PanelPlace {
  int pixel;
  int word;
  int place;

  PanelPlace() : pixel(0), word(0), place(0) {}

  void advance(const Holding& panel) {
    SAT_INLINE
    place += panel.pixel_words;
    if (++pixel < panel.pixels) return;
    pixel = 0;
    place = ++word;
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
      const SourceWord source = source_word(command, pixel, rows.tap);
      if (source.inside && rows.real(command, f)) {
        token.row[f] = copies[f][source.address - command.strip_address];
      }
      pixel.advance(command);
    }
  }
  rows.advance(command, count, pixel);
  return token;
}

// Serves what is left of the command before, and fills what is held of a command: each but the first
// while the one before is served. `serving` is then what is left of that. One loop, which goes from
// panel to panel without a gap.
template <class Config>
void turn_buffer(const StceCommand& before, Holdings<Config>& holdings, Holding& serving, int& half,
                 StripBuffer<Config>& buffer, hls::stream<Word<Config>>& words,
                 hls::stream<WordToken<Config>>& held) {
  Holding filling = holdings.next();
  // Fills are spread over the tokens, or a slow memory would hold up all of them at the start.
  int pace = filling.words > 0 ? longer(1, serving.tokens / filling.words) : 1;
  RowServer<Config> rows(before);  // of a strip
  PanelPlace place;
  int served = 0;
  int filled = 0;
  int wait = 0;
  bool busy = serving.tokens > 0 || filling.words > 0;
  // Why II = 1 holds: a cycle reads each copy of one half and writes those of the other. Reads come no
  // sooner in a turn than writes, so the next turn finds what was written, and the halves may change.
  // All panels but a tile's last are alike: both kinds are known before, and a counter chooses.
  SAT_LOOP(TurnBuffer_Cycle)
  while (busy) {
    SAT_PIPELINE(1)
    SAT_TRIPCOUNT(16384)
    if (served < serving.tokens) {
      ++served;
      WordToken<Config> token = WordToken<Config>();
      if (serving.panel) {
        token.row[0] = buffer.half[half][0][place.place];
        place.advance(serving);
      } else {
        token = serve_rows<Config>(before, buffer.half[half], rows);
      }
      held.write(token);
    }
    if (++wait >= pace) {
      wait = 0;
      if (filled < filling.words) {
        const Word<Config> data = words.read();
        SAT_LOOP(TurnBuffer_Copy)
        for (int f = 0; f < Config::kFeed; ++f) {
          SAT_UNROLL
          buffer.half[1 - half][f][filled] = data;
        }
        ++filled;
      }
    }
    if (served == serving.tokens && filled == filling.words) {
      half = 1 - half;
      serving = filling;
      filling = holdings.next();
      busy = filling.words > 0;
      pace = filling.pace;
      place = PanelPlace();
      served = filled = wait = 0;
    }
  }
}

// Words that are not held, as tokens.
template <class Config>
void pass_rows(const StceCommand& command, int tokens, hls::stream<Word<Config>>& words,
               hls::stream<WordToken<Config>>& held) {
  RowServer<Config> rows(command);
  WordToken<Config> token = WordToken<Config>();
  SAT_PARTITION(token.row, 1)
  int place = 0;  // in the token
  int served = 0;
  SAT_LOOP(PassRows_Word)
  while (served < tokens) {
    SAT_PIPELINE(1)  // one word in
    SAT_TRIPCOUNT(16384)
    token.row[place] = rows.real(command, 0) ? words.read() : zero_word<Config>();
    rows.advance(command, 1, rows.pixel);  // its words come in order
    if (++place == Config::kFeed || rows.unit_row == 0) {
      held.write(token);
      token = WordToken<Config>();
      place = 0;
      ++served;
    }
  }
}

// A turn a command and one more: what is held of a command is served while the next one's comes in.
template <class Config>
void hold_activations(int count, hls::stream<StceCommand>& commands,
                      hls::stream<StceCommand>& forward, hls::stream<Word<Config>>& words,
                      hls::stream<WordToken<Config>>& held) {
  StripBuffer<Config> buffer;
  SAT_PARTITION(buffer.half, 1)
  SAT_PARTITION(buffer.half, 2)
  SAT_STORAGE(buffer.half, ram_s2p, uram)
  StceCommand before = StceCommand();
  Holding serving = Holding();  // the last of that command
  int half = 0;                 // that is served
  SAT_LOOP(HoldActivations_Command)
  for (int i = 0; i <= count; ++i) {
    SAT_TRIPCOUNT(4096)
    StceCommand command = StceCommand();
    if (i < count) {
      command = commands.read();
      forward.write(command);
    }
    Holdings<Config> holdings(command);
    turn_buffer<Config>(before, holdings, serving, half, buffer, words, held);
    pass_rows<Config>(command, holdings.passed, words, held);
    before = command;
  }
}

}  // namespace sat
