namespace NativeKubelet.Tests.Fuzz;

/// <summary>Spoils bytes the way disks, networks and enemies do. The same seed spoils them the same way again.</summary>
public sealed class Mutator(int seed, IReadOnlyList<byte[]> corpus)
{
    private const int LargestInput = 1 << 16;

    // Where parsers break: ends of number ranges, signs, quotes, nesting, line ends, invalid UTF-8, escapes.
    private static readonly byte[][] Tokens =
    [
        .. new[]
        {
            "0", "-1", "1e999", "2147483648", "-9223372036854775808", "18446744073709551616", "0x7f", "077", "1e-400", "NaN", "null", "true", "~", "",
            "{", "}", "[", "]", "\"", "'", "`", "\\", ":", ": ", "- ", "? ", "| ", "> ", "---\n", "...\n", "&a ", "*a", "<<: ", "!!binary ", "\t", "\n", "\r\n", "\0",
            "../", "/", "//", "..", "%00", "%n", "$(X)", "${X}", "\u202e", "\u0085", "\ufeff", "=", ";", ",", "@", "#", "sha256:", "::", "::ffff:", "/33", "\u001b[31m",
        }.Select(System.Text.Encoding.UTF8.GetBytes),
        [0xff, 0xfe], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff, 0xff, 0xff, 0xff], [0x80, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff],
    ];

    private readonly Random _random = new(seed);

    public byte[] Next()
    {
        byte[] input = corpus[_random.Next(corpus.Count)];
        for (int change = _random.Next(1, 6); change > 0; change--) input = Change(input);
        return input.Length > LargestInput ? input[..LargestInput] : input;
    }

    private byte[] Change(byte[] input)
    {
        int at = _random.Next(input.Length + 1);
        switch (_random.Next(8))
        {
            case 0 when input.Length > 0:
                byte[] flipped = [.. input];
                flipped[_random.Next(input.Length)] ^= (byte)(1 << _random.Next(8));
                return flipped;
            case 1 when input.Length > 0:
                byte[] replaced = [.. input];
                replaced[_random.Next(input.Length)] = (byte)_random.Next(256);
                return replaced;
            case 2:
                return input[..at];
            case 3:
                return [.. input[..at], .. input.AsSpan(Math.Min(input.Length, at + _random.Next(1, 64)))];
            case 4:
                return [.. input[..at], .. input.AsSpan(at, Math.Min(input.Length - at, _random.Next(1, 256))), .. input[at..]];
            case 5:
                byte[] other = corpus[_random.Next(corpus.Count)];
                return [.. input[..at], .. other.AsSpan(_random.Next(other.Length + 1))];
            case 6:
                byte[] token = Tokens[_random.Next(Tokens.Length)];
                int times = _random.Next(20) == 0 ? 2000 : 1;
                return [.. input[..at], .. Enumerable.Repeat(token, times).SelectMany(t => t), .. input[at..]];
            default:
                byte[] overwritten = [.. input];
                Tokens[_random.Next(Tokens.Length)].AsSpan().TryCopyTo(overwritten.AsSpan(at));
                return overwritten;
        }
    }
}
