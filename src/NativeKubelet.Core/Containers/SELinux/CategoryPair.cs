using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace NativeKubelet.Core.Containers.SELinux;

/// <summary>
/// Two categories, which make the level of one pod. A level reaches what has a subset of its categories, and of two different
/// pairs neither is in the other: so pods with pairs of their own are kept from each other.
/// </summary>
/// <param name="Low">Below <paramref name="High"/>.</param>
public readonly record struct CategoryPair(int Low, int High)
{
    private const int Categories = 1024, Pairs = Categories * (Categories - 1) / 2;
    private const string Head = "s0:c";

    public string Level => string.Create(CultureInfo.InvariantCulture, $"{Head}{Low},c{High}");

    /// <returns>Null when the level is no pair of categories.</returns>
    public static CategoryPair? TryParse(string level)
    {
        if (!level.StartsWith(Head, StringComparison.Ordinal) || level.IndexOf(",c", StringComparison.Ordinal) is not (> 0 and var comma)) return null;
        return Number(level.AsSpan(Head.Length..comma)) is { } one && Number(level.AsSpan(comma + 2)) is { } other && one != other
            ? new(Math.Min(one, other), Math.Max(one, other)) : null;
    }

    /// <summary>One that nobody has. Where to look first is up to the pod's UID, so that a new pod rarely gets what one had that has just gone.</summary>
    /// <returns>Null when all are taken.</returns>
    public static CategoryPair? Choose(string podUid, IReadOnlySet<CategoryPair> taken)
    {
        int start = (int)(BinaryPrimitives.ReadUInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(podUid))) % Pairs);
        for (int i = 0; i < Pairs; i++)
        {
            CategoryPair pair = Numbered((start + i) % Pairs);
            if (!taken.Contains(pair)) return pair;
        }
        return null;
    }

    /// <summary>All pairs in a row: (0,1), (0,2), (1,2), (0,3) …</summary>
    private static CategoryPair Numbered(int number)
    {
        int high = (int)((1 + Math.Sqrt(1 + (8.0 * number))) / 2);
        return new(number - (high * (high - 1) / 2), high);
    }

    private static int? Number(ReadOnlySpan<char> text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < Categories ? number : null;
}
