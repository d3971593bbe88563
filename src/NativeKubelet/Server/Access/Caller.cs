using System.Collections.Immutable;
using System.Text;

namespace NativeKubelet.Server.Access;

/// <summary>Who asks, as far as he has proved it.</summary>
/// <param name="Extra">What his authenticator says beyond; sorted, as it is a part of what is asked about him.</param>
internal sealed record Caller(string Name, string Uid, ImmutableArray<string> Groups, ImmutableSortedDictionary<string, ImmutableArray<string>> Extra)
{
    public const string Authenticated = "system:authenticated", Masters = "system:masters";

    public static Caller Anonymous { get; } = new("system:anonymous", "", ["system:unauthenticated"], ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty);

    /// <summary>Equal for callers of whom the same is true. Lengths stand before words, so that no two lists read alike.</summary>
    public string Key { get; } = KeyOf(Name, Uid, Groups, Extra);

    public static Caller Of(string name, string uid, ImmutableArray<string> groups, ImmutableSortedDictionary<string, ImmutableArray<string>>? extra = null) =>
        new(name, uid, groups.Contains(Authenticated) ? groups : groups.Add(Authenticated), extra ?? ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty);

    private static string KeyOf(string name, string uid, ImmutableArray<string> groups, ImmutableSortedDictionary<string, ImmutableArray<string>> extra)
    {
        StringBuilder key = new();
        Add(name);
        Add(uid);
        key.Append(groups.Length).Append(';');
        foreach (string group in groups) Add(group);
        foreach ((string what, ImmutableArray<string> values) in extra)
        {
            Add(what);
            key.Append(values.Length).Append(';');
            foreach (string value in values) Add(value);
        }
        return key.ToString();

        void Add(string word) => key.Append(word.Length).Append(':').Append(word);
    }
}
