using System.Collections.Immutable;
using System.Text;

namespace NativeKubelet.Core.Network;

/// <summary>A resolv.conf (resolv.conf(5)) as the kubelet understands it: <c>domain</c> and what is unknown are passed over.</summary>
/// <param name="Options">As written: "ndots:5", "rotate".</param>
public sealed record ResolvConf(ImmutableArray<string> Nameservers, ImmutableArray<string> Searches, ImmutableArray<string> Options)
{
    public const int MaxBytes = 10 << 20;

    public static readonly ResolvConf Empty = new([], [], []);

    private static readonly char[] Blanks = [' ', '\t'];

    public bool IsEmpty => Nameservers.IsEmpty && Searches.IsEmpty && Options.IsEmpty;

    public static ResolvConf Parse(string text)
    {
        ImmutableArray<string>.Builder nameservers = ImmutableArray.CreateBuilder<string>();
        ImmutableArray<string> searches = [], options = [];
        foreach (string raw in text.Split('\n'))
        {
            // The libc knows ';' as well; what follows a '#' in the middle of a line is a comment for the kubelet.
            string line = raw.Split('#', 2)[0].Trim();
            if (line.StartsWith(';')) continue;
            string[] words = line.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0) continue;
            switch (words[0])
            {
                case "nameserver" when words.Length > 1:
                    nameservers.Add(words[1]);
                    break;
                case "search":
                    searches = [.. words.Skip(1).Where(s => s != ".").Select(s => s.Length > 1 && s.EndsWith('.') ? s[..^1] : s)];
                    break;
                case "options":
                    options = Override(options, words.Skip(1));
                    break;
            }
        }
        return new(nameservers.ToImmutable(), searches, options);
    }

    /// <summary>Later options take the place of earlier ones of the same name; new ones follow in their order.</summary>
    public static ImmutableArray<string> Override(ImmutableArray<string> options, IEnumerable<string> later)
    {
        List<string> result = [.. options];
        foreach (string option in later)
        {
            int place = result.FindIndex(o => NameOf(o) == NameOf(option));
            if (place >= 0) result[place] = option;
            else result.Add(option);
        }
        return [.. result];
    }

    public string ToText()
    {
        StringBuilder text = new();
        if (!Searches.IsEmpty) text.Append("search ").AppendJoin(' ', Searches).Append('\n');
        foreach (string server in Nameservers) text.Append("nameserver ").Append(server).Append('\n');
        if (!Options.IsEmpty) text.Append("options ").AppendJoin(' ', Options).Append('\n');
        return text.ToString();
    }

    private static string NameOf(string option) => option.Split(':', 2)[0];
}
