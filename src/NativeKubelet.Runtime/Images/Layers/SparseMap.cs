using System.Collections.Immutable;
using System.Text;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>Where the bytes of a sparse file belong. GNU tar has four ways to say it; all become a list of pieces.</summary>
internal static class SparseMap
{
    private const int MaxPieces = 1_000_000;

    /// <summary>Old GNU: pairs of twelve-byte numbers, ended by an empty one.</summary>
    /// <returns>False when an empty pair ended the list.</returns>
    public static bool AddOld(ReadOnlySpan<byte> pairs, List<SparsePiece> map)
    {
        for (; pairs.Length >= 24; pairs = pairs[24..])
        {
            if (pairs[0] == 0) return false;
            Add(map, TarHeader.Number(pairs[..12], "sparse offset"), TarHeader.Number(pairs.Slice(12, 12), "sparse length"));
        }
        return true;
    }

    /// <summary>Formats 0.0 (repeated keys) and 0.1 (one list): offset, length, offset, length ...</summary>
    public static List<SparsePiece> FromNumbers(IReadOnlyList<long> numbers)
    {
        if (numbers.Count % 2 != 0) throw new ImageFormatException("tar sparse map: an offset without a length");
        List<SparsePiece> map = [];
        for (int i = 0; i < numbers.Count; i += 2) Add(map, numbers[i], numbers[i + 1]);
        return map;
    }

    public static List<SparsePiece> FromList(ReadOnlySpan<byte> text) =>
        FromNumbers([.. Encoding.ASCII.GetString(text).Split(',').Select(n => PaxRecords.Decimal(Encoding.ASCII.GetBytes(n), "GNU.sparse.map"))]);

    /// <summary>Format 1.0: lines of digits at the head of the data.</summary>
    /// <param name="line">Gives the next line.</param>
    public static List<SparsePiece> FromLines(Func<long> line)
    {
        long count = line();
        if (count > MaxPieces) throw TooMany();
        List<SparsePiece> map = [];
        for (long i = 0; i < count; i++) Add(map, line(), line());
        return map;
    }

    /// <summary>Pieces must be in order, apart from one another, within the file, and together just what is stored.</summary>
    public static ImmutableArray<SparsePiece> Checked(List<SparsePiece> map, long size, long stored)
    {
        long end = 0, sum = 0;
        foreach (SparsePiece piece in map)
        {
            if (piece.Offset < end || piece.Length < 0 || piece.Length > size - piece.Offset) throw new ImageFormatException("tar sparse map: pieces overlap or leave the file");
            end = piece.Offset + piece.Length;
            sum += piece.Length;
        }
        if (sum != stored) throw new ImageFormatException($"tar sparse map: {sum} bytes are mapped, {stored} are stored");
        return [.. map];
    }

    private static void Add(List<SparsePiece> map, long offset, long length)
    {
        if (map.Count >= MaxPieces) throw TooMany();
        map.Add(new(offset, length));
    }

    private static ImageFormatException TooMany() => new($"tar sparse map: more than {MaxPieces} pieces");
}
