// SPDX-License-Identifier: Apache-2.0
//
// Verilog of the size of what the kernels ask for, a module a piece: what Yosys makes of each is what
// hlsgen/estimate/operators.py counts with. Widths and names as in kernels/.

// kernels/exact_product.h, multiply: two operands of 17 bits to binary32.
module product (input clk, input [16:0] a, input [16:0] b, output reg [31:0] result);
  wire a_zero = a[15:10] == 0, b_zero = b[15:10] == 0;
  wire a_special = a[15:10] == 63, b_special = b[15:10] == 63;
  wire a_nan = a_special && a[9:0] != 0, b_nan = b_special && b[9:0] != 0;
  reg [21:0] significands;
  reg [6:0] exponents;
  reg sign, zero, special, nan;
  always @(posedge clk) begin
    significands <= {1'b1, a[9:0]} * {1'b1, b[9:0]};
    exponents <= a[15:10] + b[15:10];
    sign <= a[16] ^ b[16];
    zero <= a_zero || b_zero;
    special <= a_special || b_special;
    nan <= a_nan || b_nan || (a_special && b_zero) || (b_special && a_zero);
  end
  wire carry = significands[21];
  wire [7:0] exponent = exponents + carry + 8'd77;
  wire [22:0] fraction = carry ? {significands[20:0], 2'b0} : {significands[19:0], 3'b0};
  always @(posedge clk) begin
    if (nan) result <= 32'h7FC00000;
    else if (special) result <= {sign, 31'h7F800000};
    else if (zero) result <= {sign, 31'h0};
    else result <= {sign, exponent, fraction};
  end
endmodule

// The multiplexer in front of the multiplier: one of `GROUP` operands.
module choice #(parameter GROUP = 8, BITS = 17)
  (input [GROUP*BITS-1:0] words, input [$clog2(GROUP)-1:0] index, output [BITS-1:0] word);
  genvar g, b;
  generate
    for (b = 0; b < BITS; b = b + 1) begin : bit_of
      wire [GROUP-1:0] ways;
      for (g = 0; g < GROUP; g = g + 1) assign ways[g] = words[g*BITS + b];
      assign word[b] = ways[index];
    end
  endgenerate
endmodule

// kernels/exact_product.h, unpack.
module unpack (input [15:0] half, output [16:0] operand);
  wire [4:0] exponent = half[14:10];
  wire [9:0] fraction = half[9:0];
  reg [3:0] leading;
  integer i;
  always @* begin
    leading = 9;
    for (i = 0; i < 10; i = i + 1) if (fraction[i]) leading = i;
  end
  wire [9:0] shifted = fraction << (10 - leading);
  reg [15:0] magnitude;
  always @* begin
    if (exponent == 31) magnitude = {6'd63, fraction};
    else if (exponent != 0) magnitude = {6'd10 + {1'b0, exponent}, fraction};
    else if (fraction == 0) magnitude = 0;
    else magnitude = {2'b0, leading + 4'd1, shifted};
  end
  assign operand = {half[15], magnitude};
endmodule

// kernels/float_bits.h, round_binary16.
module round16 (input [31:0] bits, output [15:0] half);
  wire [30:0] magnitude = bits[30:0];
  wire [30:0] moved = magnitude + 31'hFFF + magnitude[13] - 31'h38000000;
  wire [7:0] exponent = magnitude[30:23];
  wire [4:0] distance = exponent < 101 ? 5'd25 : 5'd126 - exponent[4:0] + 5'd0;
  wire [4:0] shift = exponent > 112 ? 5'd14 : (exponent < 101 ? 5'd25 : 8'd126 - exponent);
  wire [23:0] significand = {1'b1, magnitude[22:0]};
  wire [23:0] kept = significand >> shift;
  wire [24:0] lost = significand & ((25'd1 << shift) - 25'd1);
  wire [24:0] tie = 25'd1 << (shift - 1);
  wire up = lost > tie || (lost == tie && kept[0]);
  wire [14:0] subnormal = exponent == 0 ? 15'd0 : kept[14:0] + up;
  wire [14:0] finite = magnitude < 31'h38800000 ? subnormal : moved[27:13];
  wire [14:0] bounded = magnitude >= 31'h477FF000 ? 15'h7C00 : finite;
  assign half = magnitude > 31'h7F800000 ? 16'h7E00 : {bits[31], bounded};
endmodule

// A lane of kernels/prune_word.h: is the element at `OWN` of a group kept.
module prune_lane #(parameter GROUP = 8, OWN = 3)
  (input [GROUP*16-1:0] words, input [5:0] keep, output [15:0] word);
  wire [14:0] own = words[OWN*16 +: 15];
  reg [5:0] preferred;
  integer i;
  always @* begin
    preferred = 0;
    for (i = 0; i < GROUP; i = i + 1)
      if (i != OWN)
        preferred = preferred + (i < OWN ? words[i*16 +: 15] >= own : words[i*16 +: 15] > own);
  end
  assign word = preferred < keep ? words[OWN*16 +: 16] : 16'd0;
endmodule

// A lane of kernels/group_ranking.h: rows come in, ranks with them.
module rank_lane #(parameter GROUP = 8, BITS = $clog2(GROUP) + 1)
  (input clk, input enable, input [$clog2(GROUP)-1:0] element, input [15:0] word,
   output reg [GROUP*16-1:0] value, output reg [GROUP*BITS-1:0] rank);
  integer i;
  reg [GROUP-1:0] loses;
  reg [BITS-1:0] own;
  always @* begin
    own = 0;
    loses = 0;
    for (i = 0; i < GROUP - 1; i = i + 1) begin
      loses[i] = value[i*16 +: 15] < word[14:0];
      if (i < element && !loses[i]) own = own + 1;
    end
  end
  always @(posedge clk) if (enable) begin
    for (i = 0; i < GROUP; i = i + 1) begin
      if (i == element) begin
        value[i*16 +: 16] <= word;
        rank[i*BITS +: BITS] <= own;
      end else if (i < element && loses[i]) rank[i*BITS +: BITS] <= rank[i*BITS +: BITS] + 1;
    end
  end
endmodule

// A lane of kernels/group_ranking.h, pick: the n-th of the kept elements, and whether one is kept.
module pick_lane #(parameter GROUP = 8, BITS = $clog2(GROUP) + 1)
  (input [GROUP*16-1:0] value, input [GROUP*BITS-1:0] rank, input [BITS-1:0] n,
   input [BITS-1:0] keep, output reg [15:0] word, output reg [$clog2(GROUP)-1:0] index);
  reg [BITS-1:0] before;
  integer i;
  always @* begin
    before = 0;
    word = value[15:0];
    index = 0;
    for (i = 0; i < GROUP; i = i + 1)
      if (rank[i*BITS +: BITS] < keep) begin
        if (before == n) begin
          word = value[i*16 +: 16];
          index = i;
        end
        before = before + 1;
      end
  end
endmodule

// kernels/vitis/block_registers.h: written by rows, read by columns.
module block #(parameter LANES = 16)
  (input clk, input write, input [$clog2(LANES)-1:0] row, input [LANES*16-1:0] word,
   input [$clog2(LANES)-1:0] index, output reg [LANES*16-1:0] column);
  reg [LANES*16-1:0] element [LANES-1:0];
  integer r;
  always @(posedge clk) begin
    for (r = 0; r < LANES; r = r + 1) begin
      if (write && row == r) element[r] <= word;
      column[r*16 +: 16] <= element[r][index*16 +: 16];
    end
  end
endmodule

// An integer multiplication of 32 bits, as those of kernels/period.h.
module multiply32 (input clk, input [31:0] a, input [31:0] b, output reg [31:0] result);
  always @(posedge clk) result <= a * b;
endmodule

// A counter of 32 bits that is compared with a bound and begins anew.
module counter32 (input clk, input step, input [31:0] bound, output reg [31:0] count, output ends);
  assign ends = count == bound;
  always @(posedge clk) if (step) count <= ends ? 32'd0 : count + 1;
endmodule

// A comparison of 32 bits.
module compare32 (input signed [31:0] a, input signed [31:0] b, output less);
  assign less = a < b;
endmodule

// Whether two of 16 bits are equal.
module equals16 (input [15:0] a, input [15:0] b, output same);
  assign same = a == b;
endmodule

// An addition of 32 bits.
module add32 (input [31:0] a, input [31:0] b, output [31:0] sum);
  assign sum = a + b;
endmodule

// One of two values of 32 bits.
module pick32 (input which, input [31:0] a, input [31:0] b, output [31:0] word);
  assign word = which ? a : b;
endmodule

// A stream of shift registers, 32 places deep.
module fifo32 #(parameter BITS = 64)
  (input clk, input reset, input write, input read, input [BITS-1:0] in, output [BITS-1:0] out,
   output reg full_n, output reg empty_n);
  reg [5:0] used;
  wire push = write && full_n, pop = read && empty_n;
  wire [5:0] last = used - 1;
  genvar b;
  generate
    for (b = 0; b < BITS; b = b + 1) begin : place
      reg [31:0] shift;
      always @(posedge clk) if (push) shift <= {shift[30:0], in[b]};
      assign out[b] = shift[last[4:0]];
    end
  endgenerate
  always @(posedge clk) begin
    if (reset) begin
      used <= 0;
      full_n <= 1;
      empty_n <= 0;
    end else begin
      used <= used + push - pop;
      full_n <= used + push - pop != 32;
      empty_n <= used + push - pop != 0;
    end
  end
endmodule

// Simple dual-port memory of LUTs.
module lutram #(parameter BITS = 56, DEPTH = 32)
  (input clk, input write, input [$clog2(DEPTH)-1:0] to, input [BITS-1:0] in,
   input [$clog2(DEPTH)-1:0] from, output reg [BITS-1:0] out);
  (* ram_style = "distributed" *) reg [BITS-1:0] memory [DEPTH-1:0];
  always @(posedge clk) begin
    if (write) memory[to] <= in;
    out <= memory[from];
  end
endmodule

// A lane of a row unit but for its adder (kernels/vitis/uspe.h, row_unit.h): the packet of memory or
// stream, the multiplexer, the product, and the ways of a sum before and behind the addition.
module lane #(parameter GROUP = 8, BITS = $clog2(GROUP))
  (input clk, input [GROUP*17-1:0] words,
   input stationary, input [17+BITS-1:0] held, input [17+BITS-1:0] streamed,
   input [1:0] from, input [31:0] running, input [31:0] stream,
   input [31:0] added, input takes, input [1:0] to, input [31:0] leaving,
   output [31:0] product, output reg [31:0] start,
   output reg [31:0] written, output reg [31:0] sent);
  reg [17+BITS-1:0] packet;
  wire [16:0] word;
  reg [16:0] chosen, weight;
  choice #(.GROUP(GROUP)) multiplexer (.words(words), .index(packet[17 +: BITS]), .word(word));
  product multiply (.clk(clk), .a(chosen), .b(weight), .result(product));
  always @(posedge clk) begin
    packet <= stationary ? held : streamed;
    chosen <= word;
    weight <= packet[16:0];
    start <= from == 0 ? 32'd0 : from == 1 ? running : stream;
    written <= takes ? stream : added;
    sent <= to == 0 ? stream : to == 1 ? leaving : added;
  end
endmodule

// The control of a row unit (kernels/row_unit.h, period_place.h): a plan, the counters, what they are
// compared with, the addresses; without the multiplications, whose results are inputs.
module row_control
  (input clk, input next_plan, input [42*32-1:0] plan_in, input [31:0] held_place,
   input [31:0] leaving_place, input [31:0] token_place, output reg [31:0] running_to,
   output reg [31:0] running_from, output reg [31:0] leaving_to, output reg [31:0] leaving_from,
   output reg [31:0] row, output reg [31:0] token_to, output reg [31:0] packet_to,
   output reg [31:0] packet_from, output reg [31:0] group_out, output reg [15:0] does,
   output ends);
  reg [42*32-1:0] plan;
  `define FIELD(name, number) wire signed [31:0] name = plan[(number)*32 +: 32];
  `FIELD(interleave, 0) `FIELD(keep, 1) `FIELD(panels, 2) `FIELD(tap_panels, 3)
  `FIELD(pass_sums, 4) `FIELD(pass_cycles, 5) `FIELD(last_pass, 6) `FIELD(below_end, 7)
  `FIELD(own_enters, 8) `FIELD(enter_end, 9) `FIELD(leave_begin, 10) `FIELD(above_end, 11)
  `FIELD(own_leaves, 12) `FIELD(products_start, 13) `FIELD(cycles, 14) `FIELD(held, 15)
  `FIELD(packet_base, 16) `FIELD(above_packets, 17) `FIELD(own_packets, 18)
  `FIELD(packets_end, 19)
  wire [127:0] full = plan[24*32 +: 128], tail = plan[28*32 +: 128], last = plan[32*32 +: 128];
  wire stationary = plan[40*32], swaps = plan[40*32+1], slow = plan[40*32+2];
  wire signed [31:0] own = cycle - above_end;
  reg [127:0] work;
  wire signed [31:0] forwarded = work[31:0], tokens = work[63:32], products = work[95:64],
    panel_cycles = work[127:96];
  reg signed [31:0] cycle, panels_left, tap_panels_left, panel_cycle, group, n, slot, first, block;
  reg bank, packet_bank, first_panel;
  assign ends = cycle + 1 == cycles;
  wire entering = cycle < enter_end;
  wire works = !entering && cycle >= products_start && panels_left > 0;
  wire multiplies = works && panel_cycle < products;
  wire in_pass = slot < pass_sums;
  wire block_ends = slot + 1 == first + interleave, pass_ends = slot + 1 == pass_cycles;
  wire group_ends = n + 1 == keep && !stationary;
  wire panel_ends = works && panel_cycle + 1 == panel_cycles;
  wire first_pass = first_panel && group == 0 && n == 0;
  wire final_pass = panels_left == 1 && panel_cycle >= last_pass;
  always @(posedge clk) begin
    running_to <= entering ? cycle - below_end : slot;
    running_from <= slot;
    leaving_to <= leaving_place + block;
    leaving_from <= slow ? own >>> 1 : own;
    row <= slot - first + (stationary ? token_place : 32'd0);
    token_to <= stationary ? panel_cycle : panel_cycle - forwarded;
    packet_to <= packet_base + cycle;
    packet_from <= held_place + block;
    group_out <= group;
    does <= {entering && cycle < own_enters, entering && cycle < below_end,
             !entering && stationary && cycle >= above_packets && cycle < packets_end,
             cycle < own_packets, !entering && !stationary && cycle >= leave_begin
               && !(slow && (cycle[0] ^ leave_begin[0])),
             cycle < above_end, cycle < own_leaves, works && panel_cycle < tokens,
             panel_cycle < forwarded, multiplies && in_pass, stationary && n >= held, slot == first,
             first_pass, final_pass, bank, packet_bank};
    if (next_plan || ends) begin
      plan <= plan_in;
      cycle <= 0;
      panels_left <= plan_in[2*32 +: 32];
      tap_panels_left <= plan_in[3*32 +: 32];
      work <= plan_in[2*32 +: 32] == 1 ? plan_in[32*32 +: 128]
            : plan_in[3*32 +: 32] == 1 ? plan_in[28*32 +: 128] : plan_in[24*32 +: 128];
      panel_cycle <= 0; group <= 0; n <= 0; slot <= 0; first <= 0; block <= 0;
      first_panel <= 1;
      packet_bank <= packet_bank ^ swaps;
    end else begin
      cycle <= cycle + 1;
      if (panel_ends) begin
        panels_left <= panels_left - 1;
        tap_panels_left <= tap_panels_left == 1 ? tap_panels : tap_panels_left - 1;
        work <= panels_left == 2 ? last : tap_panels == 1 || tap_panels_left == 2 ? tail : full;
        first_panel <= 0;
        panel_cycle <= 0; group <= 0; n <= 0; slot <= 0; first <= 0; block <= 0;
        bank <= bank ^ (tokens > 0);
      end else if (works) begin
        panel_cycle <= panel_cycle + 1;
        if (multiplies) begin
          slot <= pass_ends ? 0 : slot + 1;
          first <= pass_ends ? 0 : block_ends ? slot + 1 : first;
          block <= pass_ends ? 0 : block_ends ? block + 1 : block;
          if (pass_ends) begin
            n <= group_ends ? 0 : n + 1;
            group <= group_ends ? group + 1 : group;
          end
        end
      end
    end
  end
endmodule

// The plans of a row unit of 32 (kernels/row_steps.h, period.h), both dataflows; without the
// multiplications, whose results are inputs. A tile's numbers stand as in kernels/types.h.
module plan_periods
  (input clk, input take, input [18*32-1:0] tile_in, input [13*32-1:0] times,
   output reg [36*32-1:0] plan, output reg [6:0] flags, output reg [31:0] row_out);
  reg [18*32-1:0] drained, computed, entering;
  reg signed [31:0] row, batch, packets_taken;
  `define TILE(name, tile, number) wire signed [31:0] name = tile[(number)*32 +: 32];
  `define TIMES(name, number) wire signed [31:0] name = times[(number)*32 +: 32];
  `TILE(valid_d, drained, 0) `TILE(sums_d, drained, 5)
  wire slow = valid_d != 0 && drained[17*32];
  `TILE(valid_c, computed, 0) `TILE(interleave_c, computed, 2) `TILE(keep_c, computed, 3)
  `TILE(accumulate_c, computed, 4) `TILE(sums_c, computed, 5) `TILE(pass_c, computed, 6)
  `TILE(panels_c, computed, 7) `TILE(tap_panels_c, computed, 8) `TILE(full_c, computed, 9)
  `TILE(tail_c, computed, 10) `TILE(body_c, computed, 11) `TILE(stationary_c, computed, 12)
  `TILE(blocks_c, computed, 13) `TILE(batches_c, computed, 14) `TILE(chunk_c, computed, 15)
  `TILE(packet_rows_c, computed, 16)
  `TILE(valid_e, entering, 0) `TILE(interleave_e, entering, 2) `TILE(panels_e, entering, 7)
  `TILE(stationary_e, entering, 12) `TILE(chunk_e, entering, 15)
  `TILE(packet_rows_e, entering, 16)
  `TIMES(below_full, 0) `TIMES(below_next, 1) `TIMES(below_start, 2) `TIMES(row_own, 3)
  `TIMES(row_chunk_c, 4) `TIMES(chunk_pass, 5) `TIMES(panels_tokens, 6) `TIMES(held_pass, 7)
  `TIMES(chunk_blocks, 8) `TIMES(own_begin, 9) `TIMES(row_chunk_e, 10) `TIMES(held_blocks, 11)
  `TIMES(rows_blocks, 12)
  function signed [31:0] longer(input signed [31:0] a, input signed [31:0] b);
    longer = a > b ? a : b;
  endfunction
  function signed [31:0] within(input signed [31:0] a, input signed [31:0] most);
    within = a < 0 ? 32'd0 : a < most ? a : most;
  endfunction
  // What the step does.
  wire loads = valid_e != 0 && stationary_e != 0, flows = valid_c != 0 && stationary_c != 0;
  wire empty = valid_d == 0 && valid_c == 0;
  wire stationary = flows || (empty && loads);
  wire signed [31:0] left = loads ? rows_blocks - packets_taken : 32'd0;
  wire signed [31:0] batches = flows ? batches_c : 32'd0;
  wire computes = batch < batches;
  wire signed [31:0] packets = !stationary ? 32'd0 : computes && left > 16 ? 32'd16 : left;
  wire more = batch + 1 < batches;
  wire ends_tile = !stationary || (!more && packets == left);
  wire enters = stationary ? loads : valid_e != 0 && stationary_e == 0;
  // Output stationary.
  wire signed [31:0] tokens = (interleave_c + 1) >> 1, next = enters ? (interleave_e + 1) >> 1 : 0;
  wire signed [31:0] start = valid_c != 0 && accumulate_c != 0 ? sums_c : 32'd0;
  wire signed [31:0] own = valid_d == 0 ? 32'd0 : slow ? sums_d << 1 : sums_d;
  wire signed [31:0] enter_end = start << 5;
  wire signed [31:0] leave_begin = own != 0 ? longer(enter_end, 8) : enter_end;
  wire signed [31:0] above_end = leave_begin + row_own;
  wire signed [31:0] drained_end = leave_begin + (own << 5);
  wire signed [31:0] last_products = valid_c != 0 ? tail_c : 32'd0;
  wire signed [31:0] last_cycles = longer(last_products, next << 5);
  wire signed [31:0] last_pass = valid_c != 0 ? last_products - pass_c : 32'd0;
  wire signed [31:0] products_start =
    longer(enter_end != 0 ? enter_end + 8 : 32'd0, drained_end - (body_c + last_pass));
  wire signed [31:0] cycles = longer(products_start + body_c + last_cycles, drained_end);
  // Weight stationary.
  wire signed [31:0] held = within(packet_rows_c - row_chunk_c, chunk_c);
  wire signed [31:0] batch_cycles = longer(longer(chunk_pass, panels_tokens), packets);
  wire signed [31:0] above_packets = within(own_begin - packets_taken, packets);
  wire signed [31:0] own_packets = within(own_begin + held_blocks - packets_taken, packets);
  `define PLAN(number, os, ws) plan[(number)*32 +: 32] <= stationary ? (ws) : (os);
  always @(posedge clk) begin
    `PLAN(0, interleave_c, interleave_c) `PLAN(1, keep_c, keep_c)
    `PLAN(2, valid_c != 0 ? panels_c : 32'd1, 32'd1)
    `PLAN(3, valid_c != 0 ? tap_panels_c : 32'd1, 32'd1)
    `PLAN(4, blocks_c, blocks_c) `PLAN(5, sums_c, sums_c) `PLAN(6, pass_c, pass_c)
    `PLAN(7, below_full, panels_tokens) `PLAN(8, below_full + tokens, panels_tokens)
    `PLAN(9, full_c, chunk_pass) `PLAN(10, longer(full_c, tokens << 5), batch_cycles)
    `PLAN(11, below_full, panels_tokens) `PLAN(12, below_full + tokens, panels_tokens)
    `PLAN(13, tail_c, chunk_pass) `PLAN(14, longer(tail_c, tokens << 5), batch_cycles)
    `PLAN(15, below_next, panels_tokens) `PLAN(16, below_next + next, panels_tokens)
    `PLAN(17, last_products, chunk_pass) `PLAN(18, last_cycles, batch_cycles)
    `PLAN(19, body_c, 32'd0) `PLAN(20, last_pass, held_pass) `PLAN(21, below_start, 32'd0)
    `PLAN(22, below_start + start, 32'd0) `PLAN(23, enter_end, 32'd0)
    `PLAN(24, leave_begin, 32'd0) `PLAN(25, above_end, 32'd0) `PLAN(26, above_end + own, 32'd0)
    `PLAN(27, drained_end, 32'd0) `PLAN(28, products_start, 32'd0) `PLAN(29, cycles, batch_cycles)
    `PLAN(30, 32'd0, held) `PLAN(31, 32'd0, packets_taken) `PLAN(32, 32'd0, own_begin)
    `PLAN(33, 32'd0, above_packets) `PLAN(34, 32'd0, own_packets) `PLAN(35, 32'd0, packets)
    flags <= {1'b1, row == 0, keep_c == 8, accumulate_c == 0, slow && !stationary, stationary,
              stationary && ends_tile};
    row_out <= row + 1;
    batch <= ends_tile ? 0 : batch + 1;
    packets_taken <= ends_tile ? 0 : packets_taken + packets;
    if (ends_tile) begin
      drained <= stationary ? {18*32{1'b0}} : computed;
      computed <= enters ? entering : {18*32{1'b0}};
    end
    if (take) begin
      entering <= tile_in;
      row <= tile_in[32 +: 32];
    end
  end
endmodule
