using System.Collections.Immutable;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Sources;

/// <summary>
/// Reads inotify's events as what a person or an editor is doing: which names are complete and to be looked at now, which
/// are being written or replaced and get a moment to be finished. Knows no file system and no clock.
/// </summary>
internal sealed class UnsettledFiles
{
    /// <summary>How long a file that is open for writing may keep us waiting.</summary>
    private static readonly TimeSpan ForContent = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a file that an editor moved aside may be away: a busy machine with slow storage takes its time, and the pod must not end for it.</summary>
    private static readonly TimeSpan ForSuccessor = TimeSpan.FromSeconds(2);

    /// <summary>Not in the store's vocabulary of whole files: somebody is writing and has not closed.</summary>
    public const FileEvents Modified = (FileEvents)0x2;

    private readonly Dictionary<string, (long Since, TimeSpan Patience)> _waits = [];

    public IReadOnlySet<string> Names => _waits.Keys.ToImmutableHashSet();

    /// <summary>How long until the first of <see cref="Due"/>; null when nothing is waited for.</summary>
    public TimeSpan? NextDue(long now, Func<long, long, TimeSpan> elapsed) =>
        _waits.Count == 0 ? null : _waits.Values.Min(wait => wait.Patience - elapsed(wait.Since, now));

    /// <param name="now">A monotonic timestamp.</param>
    /// <param name="isLink">Whether a new entry is a symbolic link: nobody writes and closes one.</param>
    /// <returns>Names to look at now; all is true when the whole directory must be listed.</returns>
    public (List<string> Look, bool All) Read(IReadOnlyList<FileEvent> events, long now, Func<string, bool> isLink)
    {
        List<string> look = [];
        bool all = false;
        for (int i = 0; i < events.Count; i++)
        {
            (_, FileEvents what, uint cookie, string name) = events[i];
            if ((what & (FileEvents.Overflow | FileEvents.DeletedSelf | FileEvents.MovedSelf | FileEvents.Unmounted | FileEvents.Ended)) != 0)
            {
                all = true;
            }
            else if (name.StartsWith("..", StringComparison.Ordinal))
            {
                // ..data of a symlink farm was swapped: every link in the directory means something else now.
                all |= (what & (FileEvents.MovedTo | FileEvents.Created)) != 0;
            }
            else if (!ManifestFolder.IsManifestName(name))
            {
                continue;
            }
            else if ((what & FileEvents.MovedFrom) != 0)
            {
                // Moved aside to foo~ or .foo: an editor saves and puts a new one in its place; anything else took the file away.
                bool aside = i + 1 < events.Count && events[i + 1] is var next && (next.Events & FileEvents.MovedTo) != 0
                    && next.Cookie == cookie && !ManifestFolder.IsManifestName(next.Name);
                if (aside) _waits[name] = (now, ForSuccessor);
                else Settle(name);
            }
            else if ((what & (FileEvents.ClosedAfterWrite | FileEvents.MovedTo | FileEvents.Deleted)) != 0)
            {
                Settle(name);
            }
            else if ((what & Modified) != 0)
            {
                _waits.TryAdd(name, (now, ForContent));
                look.Remove(name);
            }
            else if ((what & FileEvents.Created) != 0)
            {
                if (isLink(name)) Settle(name);
                else _waits.TryAdd(name, (now, ForContent));
            }
            else if (!_waits.ContainsKey(name))
            {
                Settle(name); // mode or owner changed: it may be readable now
            }
        }
        return (look, all);

        void Settle(string name)
        {
            _waits.Remove(name);
            if (!look.Contains(name)) look.Add(name);
        }
    }

    /// <summary>Names that have been waited for long enough.</summary>
    public List<string> Due(long now, Func<long, long, TimeSpan> elapsed)
    {
        List<string> due = [.. _waits.Where(pair => elapsed(pair.Value.Since, now) >= pair.Value.Patience).Select(pair => pair.Key)];
        foreach (string name in due) _waits.Remove(name);
        return due;
    }
}
