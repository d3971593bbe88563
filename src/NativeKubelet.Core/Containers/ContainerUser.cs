using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace NativeKubelet.Core.Containers;

/// <summary>The identity a container's first process gets, resolved against the image's own /etc/passwd and /etc/group.</summary>
/// <param name="Groups">Supplementary groups, the primary one among them (CVE-2022-36109).</param>
public sealed record ContainerUser(uint Uid, uint Gid, ImmutableArray<uint> Groups, string Home)
{
    /// <summary>Larger numbers wrap or turn negative on the way through 32-bit signed fields (CVE-2024-40635).</summary>
    private const long LargestId = int.MaxValue;

    /// <param name="passwd">Content of the image's /etc/passwd, empty where there is none.</param>
    /// <exception cref="ContainerConfigException">An unknown name, an id out of range, or runAsNonRoot broken.</exception>
    public static ContainerUser Resolve(V1Pod pod, V1Container container, ImageConfig image, string passwd, string group)
    {
        V1PodSecurityContext? shared = pod.Spec.SecurityContext;
        V1SecurityContext? own = container.SecurityContext;
        long? runAsUser = own?.RunAsUser ?? shared?.RunAsUser;
        long? runAsGroup = own?.RunAsGroup ?? shared?.RunAsGroup;
        string imageUser = image.User.Split(':', 2)[0];

        if ((own?.RunAsNonRoot ?? shared?.RunAsNonRoot) == true) CheckNonRoot(runAsUser, imageUser, Where(pod, container));

        PasswdEntry? entry = runAsUser is { } asked
            ? FindUser(passwd, Checked(asked, "runAsUser"))
            : ImageUser(passwd, imageUser);
        uint uid = entry?.Uid ?? (runAsUser is { } u ? Checked(u, "runAsUser") : 0);
        uint gid = runAsGroup is { } g ? Checked(g, "runAsGroup") : entry?.Gid ?? 0;

        SortedSet<uint> groups = [gid];
        foreach (long? id in shared?.SupplementalGroups ?? []) groups.Add(Checked(id ?? -1, "supplementalGroups"));
        if (shared?.FsGroup is { } fsGroup) groups.Add(Checked(fsGroup, "fsGroup"));
        if (shared?.SupplementalGroupsPolicy != "Strict" && entry is { Name.Length: > 0 })
            foreach (uint id in GroupsOf(group, entry.Name)) groups.Add(id);
        return new ContainerUser(uid, gid, [.. groups], entry?.Home ?? "");
    }

    /// <exception cref="ContainerConfigException">An id that the pod's user namespace does not have.</exception>
    public void CheckWithin(uint length)
    {
        foreach (uint id in Groups.Append(Uid))
            if (id >= length) throw new ContainerConfigException($"id {id} is not among the {length} that a pod with hostUsers: false has");
    }

    private static string Where(V1Pod pod, V1Container container) =>
        $"(pod: \"{pod.Metadata.Name}_{pod.Metadata.NamespaceProperty}({pod.Metadata.Uid})\", container: {container.Name})";

    private static void CheckNonRoot(long? runAsUser, string imageUser, string where)
    {
        if (runAsUser is { } uid)
        {
            if (uid == 0) throw new ContainerConfigException($"container's runAsUser breaks non-root policy {where}");
            return;
        }
        if (imageUser.Length > 0 && !imageUser.All(char.IsAsciiDigit))
            throw new ContainerConfigException($"container has runAsNonRoot and image has non-numeric user ({imageUser}), cannot verify user is non-root {where}");
        if (imageUser.Length == 0 || imageUser.All(c => c == '0'))
            throw new ContainerConfigException($"container has runAsNonRoot and image will run as root {where}");
        if (!long.TryParse(imageUser, NumberStyles.None, CultureInfo.InvariantCulture, out long id) || id > LargestId)
            throw new ContainerConfigException($"container has runAsNonRoot and image has an invalid user id {imageUser} {where}");
    }

    private static PasswdEntry? ImageUser(string passwd, string user)
    {
        if (user.Length == 0) return FindUser(passwd, 0) ?? new PasswdEntry("", 0, 0, "");
        if (user.All(char.IsAsciiDigit))
        {
            uint uid = long.TryParse(user, NumberStyles.None, CultureInfo.InvariantCulture, out long id) ? Checked(id, "the image's user") : throw OutOfRange(user, "the image's user");
            return FindUser(passwd, uid) ?? new PasswdEntry("", uid, 0, "");
        }
        return Entries(passwd).FirstOrDefault(e => e.Name == user)
            ?? throw new ContainerConfigException($"unable to find user {user}: no matching entries in passwd file");
    }

    private static PasswdEntry? FindUser(string passwd, uint uid) => Entries(passwd).FirstOrDefault(e => e.Uid == uid);

    private static IEnumerable<PasswdEntry> Entries(string passwd)
    {
        foreach (string line in passwd.Split('\n'))
        {
            string[] f = line.TrimEnd('\r').Split(':');
            // Lines that a foreign image got wrong are passed over, as getpwent does.
            if (f.Length >= 6 && f[0].Length > 0 && TryId(f[2], out uint uid) && TryId(f[3], out uint gid))
                yield return new PasswdEntry(f[0], uid, gid, f[5]);
        }
    }

    private static IEnumerable<uint> GroupsOf(string group, string user)
    {
        foreach (string line in group.Split('\n'))
        {
            string[] f = line.TrimEnd('\r').Split(':');
            if (f.Length >= 4 && TryId(f[2], out uint gid) && f[3].Split(',').Contains(user)) yield return gid;
        }
    }

    private static bool TryId(string text, out uint id) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id <= LargestId;

    private static uint Checked(long id, string what) => id is >= 0 and <= LargestId ? (uint)id : throw OutOfRange($"{id}", what);

    private static ContainerConfigException OutOfRange(string id, string what) => new($"{what}: {id} is not between 0 and {LargestId}");

    private sealed record PasswdEntry(string Name, uint Uid, uint Gid, string Home);
}
