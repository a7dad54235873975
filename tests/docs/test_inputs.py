"""Every row of the page on inputs is held by tests that exist."""

import ast
import re

import pytest
from support.documents import REPOSITORY, text_of

PAGE = "docs/guide/inputs.md"
VIDEO, APP = "tests/video", "tests/app"
TIME, COLOURS = f"{VIDEO}/test_video_time.py", f"{VIDEO}/test_video_colours.py"
SOURCES, DAMAGE = f"{VIDEO}/test_video_sources.py", f"{VIDEO}/test_video_damage.py"
PICTURES, FILM = f"{VIDEO}/test_video_pictures.py", f"{APP}/test_assembly.py"
BASICS, STREAMS = f"{VIDEO}/test_video.py", f"{VIDEO}/test_video_streams.py"
MOVING, PROFILES = f"{VIDEO}/test_animations.py", f"{VIDEO}/test_picture_profiles.py"
LARGE, SOUND = f"{VIDEO}/test_large_pictures.py", f"{VIDEO}/test_video_audio.py"

#: Beginning of each row's first cell -> the tests that hold what it says.
HELD_BY = {
    "mp4, mov, mkv, webm, avi, gif": [
        (BASICS, "test_smooth_clip_survives_a_round_trip"),
        (BASICS, "test_gif_keeps_frames_and_average_rate"),
        (DAMAGE, "test_whole_clips_are_not_called_damaged"),
    ],
    "Moving webp": [(MOVING, "test_a_moving_picture_is_a_clip_with_its_times")],
    "Folder, or glob": [
        (SOURCES, "test_folder_is_read_in_natural_order_without_other_files"),
        (FILM, "test_pictures_are_shown_at_the_given_rate"),
    ],
    "Pattern with a number": [
        (TIME, "test_a_missing_number_leaves_its_time_to_the_picture_before"),
        (FILM, "test_a_gap_in_the_numbers_holds_the_picture_before"),
    ],
    "A file with another suffix": [
        (MOVING, "test_a_video_under_any_name_is_a_video"),
        (MOVING, "test_a_picture_under_any_name_is_a_picture"),
    ],
    "Several video streams": [
        (STREAMS, "test_the_picture_is_the_default_or_the_one_chosen"),
        (STREAMS, "test_of_files_that_mark_none_the_first_is_taken"),
    ],
    "A clip that is cut off": [
        (DAMAGE, "test_cut_clip_gives_the_frames_before_the_cut_and_then_says_so"),
        (TIME, "test_a_fragmented_mp4_that_is_cut_off_says_so"),
    ],
    "An mp4 in fragments": [(TIME, "test_a_fragmented_mp4_has_all_its_frames")],
    "A header that counts": [(TIME, "test_a_header_that_counts_too_many_frames_is_no_damage")],
    "A constant rate": [
        (TIME, "test_a_constant_rate_is_found_in_a_clock_that_rounds"),
        (FILM, "test_a_constant_rate_stays_exact_through_a_clock_of_milliseconds"),
    ],
    "A varying rate, to a folder": [
        (FILM, "test_a_folder_gets_repeats_at_a_constant_rate_and_that_is_said")
    ],
    "A varying rate": [
        (FILM, "test_a_varying_rate_comes_out_at_its_times_and_in_its_length"),
        (TIME, "test_times_that_are_written_are_the_times_of_the_file"),
    ],
    "Frames that an avi leaves out": [
        (TIME, "test_dropped_frames_of_an_avi_are_longer_times_and_no_damage")
    ],
    "`--frame-rate` for a clip": [(FILM, "test_a_given_rate_keeps_speed_and_length_and_is_said")],
    "`--frame-rate` for pictures": [(FILM, "test_pictures_are_shown_at_the_given_rate")],
    "More than 50 a second": [(FILM, "test_a_gif_of_a_fast_clip_leaves_frames_out")],
    "Sound of the whole clip": [
        (SOUND, "test_sound_that_the_container_takes_is_copied_byte_for_byte"),
        (SOUND, "test_other_sound_is_encoded_anew_and_keeps_its_time"),
    ],
    "Sound of a part": [(FILM, "test_sound_begins_where_the_part_does_whatever_the_rate")],
    "Several sounds": [(STREAMS, "test_the_sound_is_the_default_or_the_one_chosen")],
    "BT.601, BT.709": [
        (BASICS, "test_untagged_video_is_read_with_the_matrix_that_players_guess"),
        (COLOURS, "test_every_matrix_of_the_standard_is_read_or_refused_in_a_line"),
    ],
    "YCgCo": [(COLOURS, "test_ycgco_is_read_by_its_definition")],
    "Matrices that can't": [
        (COLOURS, "test_every_matrix_of_the_standard_is_read_or_refused_in_a_line")
    ],
    "Wide colours": [(COLOURS, "test_video_of_wide_primaries_is_converted")],
    "HDR": [
        (COLOURS, "test_pq_is_tone_mapped_by_bt2390_with_white_at_203_nits"),
        (COLOURS, "test_hlg_white_is_pq_white"),
    ],
    "Interlaced": [(COLOURS, "test_interlaced_frames_become_whole_ones")],
    "Alpha": [
        (COLOURS, "test_transparent_webm_lies_on_white"),
        (BASICS, "test_transparent_gif_lies_on_white"),
        (MOVING, "test_transparent_animations_lie_on_white"),
        (PICTURES, "test_transparency_lies_on_white"),
    ],
    "Pixels that are not square": [
        (BASICS, "test_pixels_become_square_and_rows_stay"),
        (BASICS, "test_rotated_phone_video_is_turned_upright"),
    ],
    "png, jpg": [
        (PICTURES, "test_lossless_pictures_keep_every_pixel"),
        (PICTURES, "test_16_bit_pictures_become_8_bit"),
        (LARGE, "test_every_kind_of_picture_can_be_reduced"),
    ],
    "Orientation": [(PICTURES, "test_every_kind_of_file_is_turned_once")],
    "A colour profile": [
        (PROFILES, "test_adobe_rgb_becomes_srgb"),
        (PROFILES, "test_inks_are_what_their_profile_says"),
        (PROFILES, "test_grey_with_a_profile_is_read_with_it"),
    ],
    "A png made for another gamma": [(PROFILES, "test_a_png_of_another_gamma_is_read_with_it")],
    "A profile that can't be read": [
        (PROFILES, "test_a_profile_that_does_not_fit_is_left_out_and_said")
    ],
    "A painting of more than": [
        (LARGE, "test_a_picture_over_the_limit_is_reduced_by_a_whole_number_and_said")
    ],
    "A picture of more than": [(LARGE, "test_what_no_memory_holds_is_refused_by_its_size")],
    "A moving picture as a painting": [
        (MOVING, "test_as_a_painting_a_moving_picture_is_its_first_frame")
    ],
}


def rows():
    cells = re.findall(r"^\| ([^|]+?) \|", text_of(PAGE), re.MULTILINE)
    return [cell for cell in cells if cell != "goes in"]


def functions_in(path):
    tree = ast.parse((REPOSITORY / path).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def beginning_of(row):
    """The longest beginning that the table above knows of."""
    return max((start for start in HELD_BY if row.startswith(start)), key=len, default=None)


def test_the_page_and_the_tests_speak_of_the_same_rows():
    found = [beginning_of(row) for row in rows()]
    assert None not in found
    assert sorted(found) == sorted(HELD_BY)


@pytest.mark.parametrize("start", HELD_BY)
def test_a_row_is_held_by_tests_that_exist(start):
    for path, name in HELD_BY[start]:
        assert name in functions_in(path)
