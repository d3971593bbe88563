using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Volumes;

public sealed class SubPathTests
{
    private const string Volume = "volumes: [{name: v, emptyDir: {}}]";

    [Fact]
    public async Task A_directory_and_a_file_of_a_volume_are_mounted_from_places_of_their_own()
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync(Volume, "- {name: v, mountPath: /v}\n- {name: v, mountPath: /d, subPath: made/here}\n- {name: v, mountPath: /f, subPath: file}");
        string root = $"{node.Paths.PodDirectory(pod.Metadata.Uid)}/volumes/kubernetes.io~empty-dir/v";
        File.WriteAllText($"{root}/file", "text");

        ImmutableArray<ResolvedMount> mounts = await node.MountsAsync(pod);

        Assert.Equal($"{node.Paths.PodDirectory(pod.Metadata.Uid)}/volume-subpaths/v/main/1", mounts[1].HostPath);
        Assert.Equal("text", File.ReadAllText(mounts[2].HostPath));
        Assert.Equal(0x1FFu, VolumesHost.Owner($"{root}/made/here").Mode);
        File.WriteAllText($"{mounts[1].HostPath}/seen", "");
        Assert.True(File.Exists($"{root}/made/here/seen"));

        Assert.Equal(mounts.AsEnumerable(), await node.MountsAsync(pod));
        Assert.Equal(2, node.MountPoints().Length);
        await node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline());
        Assert.Empty(node.MountPoints());
        Assert.Empty(Directory.GetFileSystemEntries(node.Paths.PodDirectory(pod.Metadata.Uid)));
    }

    [Theory]
    [InlineData("link", "/etc")]
    [InlineData("link/passwd", "/etc")]
    [InlineData("link", "../../../../../../../../etc/passwd")]
    [InlineData("link", "/proc/self/root/etc")]
    [InlineData("link/made", "/var/tmp")]
    [InlineData("link/../..", "inside")]
    public async Task A_link_that_leads_out_of_the_volume_is_refused_without_a_word_about_the_host(string path, string target)
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync(Volume, $"- {{name: v, mountPath: /v, subPathExpr: \"$(P)\"}}");
        string root = $"{node.Paths.PodDirectory(pod.Metadata.Uid)}/volumes/kubernetes.io~empty-dir/v";
        Directory.CreateDirectory($"{root}/inside");
        File.CreateSymbolicLink($"{root}/link", target);

        VolumeException e = await Assert.ThrowsAsync<VolumeException>(() => node.MountsAsync(pod, ("P", path)));

        Assert.DoesNotContain(node.Home, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("/etc", e.Message.Replace(path, "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.False(Directory.Exists("/var/tmp/made"));
        Assert.Empty(node.MountPoints());
    }

    [Fact]
    public async Task A_link_inside_the_volume_is_followed_and_a_swapped_file_is_mounted_anew()
    {
        using VolumesHost node = new();
        node.Define("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: one}");
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, configMap: {name: m}}]", "- {name: v, mountPath: /f, subPath: a}");
        string file = (await node.MountsAsync(pod))[0].HostPath;

        node.Define("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: two}");
        await node.Volumes.RefreshAsync(pod, VolumesHost.Deadline());

        Assert.Equal("one", File.ReadAllText(file));        // a part of a volume never follows
        Assert.Equal(file, (await node.MountsAsync(pod))[0].HostPath);
        Assert.Equal("two", File.ReadAllText(file));        // but with the container's next start
    }

    /// <summary>A container that swaps a directory for a link while its neighbour starts: the class of CVE-2021-25741.</summary>
    [Fact]
    public async Task A_race_of_links_never_wins()
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync(Volume, "- {name: v, mountPath: /d, subPath: a/b}");
        string root = $"{node.Paths.PodDirectory(pod.Metadata.Uid)}/volumes/kubernetes.io~empty-dir/v", secret = $"{node.Home}/secret";
        Directory.CreateDirectory($"{secret}/b");
        Directory.CreateDirectory($"{root}/a/b");
        File.CreateSymbolicLink($"{root}/out", secret);
        using CancellationTokenSource end = new();
        Task attacker = Task.Run(() =>
        {
            using DirectoryHandle volume = DirectoryHandle.Open(root);
            while (!end.IsCancellationRequested)
            {
                try
                {
                    volume.Rename("a", volume, "kept");
                    volume.Rename("out", volume, "a");
                    volume.Rename("a", volume, "out");
                    volume.Rename("kept", volume, "a");
                }
                catch (ErrnoException)
                {
                    Restore(volume, secret);
                }
            }
        }, CancellationToken.None);

        int won = 0, refused = 0;
        try
        {
            for (int i = 0; i < 300; i++)
            {
                string shown;
                try
                {
                    shown = (await node.MountsAsync(pod))[0].HostPath;
                }
                catch (VolumeException)
                {
                    refused++;
                    continue;
                }
                try
                {
                    File.WriteAllText($"{shown}/mark", "");
                }
                catch (IOException e) when (e is DirectoryNotFoundException or FileNotFoundException)
                {
                    // What the agent had made in the place of the one moved away was removed meanwhile: nothing can be written there.
                }
                won++;
                Assert.Empty(Directory.GetFileSystemEntries($"{secret}/b"));
                MountPoint.UnmountAll(shown);
            }
        }
        finally
        {
            await end.CancelAsync();
            await attacker;
        }

        Assert.Equal(300, won + refused);
        Assert.Empty(Directory.GetFileSystemEntries($"{secret}/b"));
        Assert.Equal(["b"], Directory.GetFileSystemEntries(secret).Select(Path.GetFileName));
    }

    /// <summary>The agent made the directory that it missed, in the place of the one that was moved away; something may be written to it meanwhile.</summary>
    private static void Restore(DirectoryHandle volume, string secret)
    {
        while (true)
        {
            try
            {
                if (volume.TryStatus("kept") is not null)
                {
                    volume.RemoveTree("a");
                    volume.Rename("kept", volume, "a");
                }
                if (volume.TryStatus("out") is null) volume.MakeSymbolicLink(secret, "out");
                return;
            }
            catch (ErrnoException)
            {
                // Once more: it is not empty, or it was made anew.
            }
        }
    }

    [Fact]
    public async Task An_expression_needs_every_variable_that_it_names()
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync(Volume, "- {name: v, mountPath: /d, subPathExpr: \"$(A)/$(B)/$(C)\"}");

        VolumeException e = await Assert.ThrowsAsync<VolumeException>(() => node.MountsAsync(pod, ("A", "x"), ("B", "")));
        Assert.EndsWith("missing value for B, C", e.Message, StringComparison.Ordinal);
        await node.MountsAsync(pod, ("A", "x"), ("B", "y"), ("C", "z"));
        Assert.True(Directory.Exists($"{node.Paths.PodDirectory(pod.Metadata.Uid)}/volumes/kubernetes.io~empty-dir/v/x/y/z"));
        await Assert.ThrowsAsync<VolumeException>(() => node.MountsAsync(pod, ("A", ".."), ("B", "y"), ("C", "z")));
    }
}
