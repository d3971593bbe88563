namespace NativeKubelet.Core.Containers.Users;

/// <summary>The ids that pods' user namespaces are cut from, one piece of equal size each.</summary>
/// <param name="First">Never below the size of a piece: the first one is the host's own.</param>
/// <param name="End">One more than the last.</param>
public sealed record IdPool(uint PerPod, ulong First, ulong End)
{
    /// <summary>Everything above the host's own ids.</summary>
    public static IdPool Standard(uint perPod) => new(perPod, perPod, 1UL << 32);

    public ulong Pieces => (End - First) / PerPod;

    /// <summary>The lowest piece that no pod has.</summary>
    /// <returns>Null when all are taken.</returns>
    public IdRange? Next(IReadOnlyCollection<IdRange> taken)
    {
        for (ulong host = First; host + PerPod <= End; host += PerPod)
        {
            IdRange range = new((uint)host, PerPod);
            if (!taken.Any(range.Overlaps)) return range;
        }
        return null;
    }

    /// <summary>From what getsubids(1) says of the user kubelet: one range, the same for users and groups.</summary>
    /// <exception cref="FormatException">It is not such a range; the node must not start, as pods would get ids that are somebody else's.</exception>
    public static IdPool OfSubordinates(string users, string groups, uint perPod)
    {
        (ulong first, ulong length) = Single(users);
        if (Single(groups) != (first, length)) throw new FormatException("the subuid and subgid ranges of the user kubelet differ");
        if (first % perPod != 0 || length % perPod != 0) throw new FormatException($"the subuid range {first}:{length} of the user kubelet is not made of pieces of {perPod}");
        if (first < perPod) throw new FormatException($"the subuid range {first}:{length} of the user kubelet holds the host's own ids");
        return new(perPod, first, first + length);
    }

    /// <summary>0: kubelet 65536 7208960.</summary>
    private static (ulong First, ulong Length) Single(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length != 1) throw new FormatException($"the user kubelet has {lines.Length} subordinate ranges; exactly one is needed");
        string[] words = lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 4 && ulong.TryParse(words[2], out ulong first) && ulong.TryParse(words[3], out ulong length) && length > 0 && first + length <= 1UL << 32
            ? (first, length) : throw new FormatException($"getsubids said \"{lines[0]}\", which is no range");
    }
}
